//! Tries the laws of `laws::pickle_reader` on the inputs that libFuzzer invents.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| laws::pickle_reader::hold(data));
