//! Tries the laws of `laws::json_inflate` on the inputs that libFuzzer invents.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| laws::json_inflate::hold(data));
