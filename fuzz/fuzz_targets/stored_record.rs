//! Tries the laws of `laws::stored_record` on the inputs that libFuzzer invents.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| laws::stored_record::hold(data));
