//! Tries the laws of `laws::envelope_reader` on the inputs that libFuzzer invents.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| laws::envelope_reader::hold(data));
