//! Tries the laws of `laws::engine` on the inputs that libFuzzer invents.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| laws::engine::hold(data));
