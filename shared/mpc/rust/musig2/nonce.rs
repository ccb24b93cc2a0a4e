//! NonceGen and NonceAgg.

use super::read::{self, POINT};
use super::session::Session;
use crate::failure::{Failure, Outcome};
use crate::rng::HostRng;
use crate::wire::{array, one, Map, Reader, Writer};
use ::musig2::{AggNonce, PubNonce, SecNonce, SecNonceBuilder};
use alloc::collections::BTreeMap;
use rand_core::RngCore;

/// rand'. The host has it fresh.
fn rand() -> [u8; 32] {
    let mut rand = [0; 32];
    HostRng.fill_bytes(&mut rand);
    rand
}

fn both(secnonce: SecNonce) -> Outcome<Writer> {
    let pubnonce = secnonce.public_nonce().serialize();
    Ok(Writer::default().item(&secnonce.serialize()).item(&pubnonce))
}

/// With all arguments that the BIP leaves to the caller. Only tests leave some out.
pub fn nonce_gen_as_published(arguments: &mut Reader) -> Outcome<Writer> {
    let (sk, pk, aggpk) = (arguments.bytes()?, read::point(arguments.bytes()?)?, arguments.bytes()?);
    let (has_message, message, extra_in) = (arguments.int()?, arguments.bytes()?, arguments.bytes()?);
    arguments.end()?;
    let mut builder = match sk {
        [] => SecNonceBuilder::from_pubkey(rand(), pk),
        _ => SecNonceBuilder::from_seckey(rand(), read::secret(sk)?),
    };
    if !aggpk.is_empty() {
        builder = builder.with_aggregated_pubkey(read::lift_x(aggpk)?);
    }
    if has_message == 1 {
        builder = builder.with_message(&message);
    }
    both(builder.with_extra_input(&extra_in).build())
}

/// With all of them: the secret key, the aggregate key as it will sign, the message, and as `extra_in` the adaptor point
/// (33 bytes, or 33 zeros for none) and what else the caller binds in.
pub fn nonce_gen(arguments: &mut Reader) -> Outcome<Writer> {
    let session = Session::read(arguments)?;
    let (sk, extra) = (read::secret(arguments.bytes()?)?, arguments.bytes()?);
    arguments.end()?;
    let context = &session.keys.context;
    if context.pubkey_index(sk.base_point_mul()).is_none() {
        return Err(Failure::INVALID_INPUT);
    }
    let extra_in = [&session.adaptor.serialize(), extra].concat();
    both(SecNonce::generate(rand(), sk, session.keys.aggregate(), session.message, extra_in))
}

fn pubnonce(bytes: &[u8]) -> Outcome<PubNonce> {
    let halves: [u8; 2 * POINT] = array(bytes)?;
    Ok(PubNonce::new(read::point(&halves[..POINT])?, read::point(&halves[POINT..])?))
}

/// Names all whose nonce is none.
pub fn pubnonces(map: &Map) -> Outcome<BTreeMap<u16, PubNonce>> {
    if map.is_empty() { Err(Failure::INVALID_INPUT) } else { read::all(map, pubnonce) }
}

/// Whoever added it up is to blame if it is none, and this is not known here.
pub fn aggnonce(bytes: &[u8]) -> Outcome<AggNonce> {
    let halves: [u8; 2 * POINT] = array(bytes)?;
    Ok(AggNonce::new(read::maybe_point(&halves[..POINT])?, read::maybe_point(&halves[POINT..])?))
}

pub fn nonce_agg(arguments: &mut Reader) -> Outcome<Writer> {
    let map = arguments.map()?;
    arguments.end()?;
    one(&AggNonce::sum(pubnonces(&map)?.values()).serialize())
}
