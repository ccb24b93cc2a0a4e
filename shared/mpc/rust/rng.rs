//! The host's cryptographic randomness. If the host has none it throws, and the call ends there.

use rand_core::{CryptoRng, Error, RngCore};

#[cfg(target_arch = "wasm32")]
#[link(wasm_import_module = "host")]
extern "C" {
    fn random(at: *mut u8, len: usize);
}

#[cfg(not(target_arch = "wasm32"))]
unsafe fn random(_: *mut u8, _: usize) {
    unimplemented!("the host gives randomness")
}

pub struct HostRng;

impl CryptoRng for HostRng {}

impl RngCore for HostRng {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, into: &mut [u8]) {
        unsafe { random(into.as_mut_ptr(), into.len()) }
    }

    fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(into);
        Ok(())
    }
}

/// For `rand_core`, which asks when it is built with `std`, as MuSig2's crates want it. Nothing here calls it.
fn from_host(into: &mut [u8]) -> Result<(), getrandom::Error> {
    HostRng.fill_bytes(into);
    Ok(())
}

getrandom::register_custom_getrandom!(from_host);
