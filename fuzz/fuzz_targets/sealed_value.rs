//! Tries the laws of `laws::sealed_value` on the inputs that libFuzzer invents.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| laws::sealed_value::hold(data));
