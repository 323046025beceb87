#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| axoneme_fuzzing::btauth(data));
