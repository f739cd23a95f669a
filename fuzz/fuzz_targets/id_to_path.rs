//! Tries the laws of `laws::id_to_path` on the inputs that libFuzzer invents.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| laws::id_to_path::hold(data));
