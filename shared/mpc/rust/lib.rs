//! FROST for two suites, and MuSig2, behind one call: bytes in, bytes out, one import for randomness.
//!
//! The host takes a buffer from `alloc`, writes the arguments as a list of items (`wire`), calls `call(operation, …)` and
//! reads the answer. It then wipes this module's memory: nothing here is meant to outlive a call, and nothing is freed. What
//! a call of public data has made (`musig2::keys::prepare`) the host may put back before others.

extern crate alloc;

mod arena;
mod dkg;
mod dleq;
mod ecdh;
mod failure;
mod keys;
mod musig2;
mod package;
mod point;
mod refresh;
mod repair;
mod rng;
mod schnorr;
mod sign;
mod suite;
mod wire;

use failure::{Failure, Outcome};
use frost_ed25519::Ed25519Sha512;
use frost_secp256k1_tr::Secp256K1Sha256TR;
use suite::Suite;
use wire::{Reader, Writer};

/// The host may write `len` bytes of arguments at the address returned.
#[no_mangle]
pub extern "C" fn alloc(len: usize) -> *mut u8 {
    arena::take(len)
}

/// `operation` is suite (0: secp256k1 points, 1: frost-secp256k1-tr, 2: frost-ed25519, 3: MuSig2) × 256 + a number from
/// `frost` below or of `point`, `dleq`, `schnorr`, `ecdh` and `musig2`. Returns the address of: u32 length of what
/// follows, u8 status (0, or a failure's code), then items, or culprits as u16.
///
/// # Safety
/// `arguments` must be what `alloc(len)` returned in this same call's lifetime.
#[no_mangle]
pub unsafe extern "C" fn call(operation: u32, arguments: *const u8, len: usize) -> *const u8 {
    let mut reader = Reader::new(core::slice::from_raw_parts(arguments, len));
    let outcome = match (operation >> 8, operation & 0xff) {
        (0, number @ ..=3) => point::call(number, &mut reader),
        (0, 6) => schnorr::sign(&mut reader),
        (0, number) => dleq::call(number, &mut reader),
        (1, number @ ..=19) => frost::<Secp256K1Sha256TR>(number, &mut reader),
        (1, number) => ecdh::call(number, &mut reader),
        (2, number) => frost::<Ed25519Sha512>(number, &mut reader),
        (3, number) => musig2::call(number, &mut reader),
        _ => Err(Failure::INVALID_INPUT),
    };
    wire::answer(outcome)
}

fn frost<S: Suite>(operation: u32, arguments: &mut Reader) -> Outcome<Writer> {
    match operation {
        1 => dkg::part1::<S>(arguments),
        2 => dkg::part2::<S>(arguments),
        3 => dkg::part3::<S>(arguments),
        4 => keys::dealer_split::<S>(arguments),
        5 => sign::commit::<S>(arguments),
        6 => sign::sign::<S>(arguments),
        7 => sign::aggregate::<S>(arguments),
        8 => sign::verify_partial::<S>(arguments),
        9 => sign::verify::<S>(arguments),
        10 => keys::describe::<S>(arguments),
        11 => keys::public_keys_from::<S>(arguments),
        12 => keys::verify_share::<S>(arguments),
        13 => keys::tweaked_key::<S>(arguments),
        14 => refresh::part1::<S>(arguments),
        15 => refresh::part2::<S>(arguments),
        16 => refresh::part3::<S>(arguments),
        17 => repair::part1::<S>(arguments),
        18 => repair::part2::<S>(arguments),
        19 => repair::part3::<S>(arguments),
        _ => Err(Failure::INVALID_INPUT),
    }
}
