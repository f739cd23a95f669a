//! Tries the laws of `laws::signed_value` on the inputs that libFuzzer invents.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| laws::signed_value::hold(data));
