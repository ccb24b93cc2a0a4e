//! MuSig2, BIP-327, over the crate of that name. Operations, and what is read for them, are named as in the BIP.
//!
//! The crate's `SecNonce` can be cloned and does not wipe itself. Here it is made or read in one place each, is moved and
//! never cloned, and what it leaves in memory the host wipes after the call.

mod adaptor;
mod keys;
mod nonce;
mod read;
mod session;

use crate::failure::{Failure, Outcome};
use crate::wire::{Reader, Writer};

pub fn call(operation: u32, arguments: &mut Reader) -> Outcome<Writer> {
    match operation {
        1 => keys::key_agg(arguments),
        2 => nonce::nonce_gen_as_published(arguments),
        3 => nonce::nonce_gen(arguments),
        4 => nonce::nonce_agg(arguments),
        5 => session::sign(arguments),
        6 => session::partial_sig_verify(arguments),
        7 => session::partial_sig_agg(arguments),
        8 => adaptor::verify(arguments),
        9 => adaptor::adapt(arguments),
        10 => adaptor::extract(arguments),
        11 => adaptor::sum(arguments),
        12 => adaptor::secrets(arguments),
        13 => keys::prepare(arguments),
        _ => Err(Failure::INVALID_INPUT),
    }
}
