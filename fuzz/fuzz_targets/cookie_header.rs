//! Tries the laws of `laws::cookie_header` on the inputs that libFuzzer invents.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| laws::cookie_header::hold(data));
