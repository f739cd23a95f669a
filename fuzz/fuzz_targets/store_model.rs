//! Tries the laws of `laws::store_model` on the inputs that libFuzzer invents.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| laws::store_model::hold(data));
