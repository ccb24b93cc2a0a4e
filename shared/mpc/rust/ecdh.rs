//! Threshold ECDH for `frost-secp256k1-tr`: s·Q, where s is the group key's secret (its public point has an even Y) and
//! Q a peer's public key. A partial is sᵢ·Q (33 bytes) and BIP-374's proof (64) that sᵢ is the share's.

use crate::dleq::{cbytes, generate_proof, point, verify_proof, Statement, POINT};
use crate::failure::{Failure, Outcome};
use crate::package::{identifier, PublicKeys, Share};
use crate::sign::signers_of;
use crate::wire::{array, one, Reader, Writer};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use frost_core::{compute_lagrange_coefficient, Identifier};
use frost_secp256k1_tr::Secp256K1Sha256TR;
use k256::ProjectivePoint;

pub fn call(operation: u32, arguments: &mut Reader) -> Outcome<Writer> {
    match operation {
        20 => partial(arguments),
        21 => verify_partial(arguments),
        22 => combine(arguments),
        _ => Err(Failure::INVALID_INPUT),
    }
}

fn partial(arguments: &mut Reader) -> Outcome<Writer> {
    let share = Share::read::<Secp256K1Sha256TR>(arguments.bytes()?)?;
    let (peer, message) = (point(arguments.bytes()?)?, array::<32>(arguments.bytes()?)?);
    arguments.end()?;
    let secret = share.secret::<Secp256K1Sha256TR>()?.to_scalar();
    let (statement, proof) = generate_proof(secret, peer, ProjectivePoint::GENERATOR, &message)?;
    one(&[cbytes(&statement.c)?.as_slice(), &proof].concat())
}

fn verify_partial(arguments: &mut Reader) -> Outcome<Writer> {
    let keys = PublicKeys::read::<Secp256K1Sha256TR>(arguments.bytes()?)?;
    let (index, peer) = (arguments.int()?, point(arguments.bytes()?)?);
    let (message, partial) = (array::<32>(arguments.bytes()?)?, arguments.bytes()?);
    arguments.end()?;
    let share = keys.verifying_share::<Secp256K1Sha256TR>(index)?.to_element();
    Ok(Writer::default().flag(verified(share, peer, &message, partial).is_ok()))
}

/// The point of a partial whose proof holds for the verifying share `a`.
fn verified(a: ProjectivePoint, b: ProjectivePoint, message: &[u8; 32], partial: &[u8]) -> Outcome<ProjectivePoint> {
    let (c, proof) = partial.split_at_checked(POINT).ok_or(Failure::INVALID_INPUT)?;
    let statement = Statement { a, b, c: point(c)?, g: ProjectivePoint::GENERATOR, message };
    if verify_proof(&statement, &array(proof)?) { Ok(statement.c) } else { Err(Failure::INVALID_INPUT) }
}

fn combine(arguments: &mut Reader) -> Outcome<Writer> {
    let keys = PublicKeys::read::<Secp256K1Sha256TR>(arguments.bytes()?)?;
    let peer = point(arguments.bytes()?)?;
    let (messages, partials) = (arguments.map()?, arguments.map()?);
    arguments.end()?;
    signers_of(&keys, &partials)?;
    if !messages.keys().eq(partials.keys()) {
        return Err(Failure::INVALID_INPUT);
    }
    let (mut proved, mut culprits) = (Vec::new(), Vec::new());
    for ((index, partial), message) in partials.iter().zip(messages.values()) {
        let share = keys.verifying_share::<Secp256K1Sha256TR>(*index)?.to_element();
        match verified(share, peer, &array(message)?, partial) {
            Ok(own) => proved.push((identifier(*index)?, share, own)),
            Err(_) => culprits.push(*index),
        }
    }
    if culprits.is_empty() { one(&shared(&keys, &proved)?) } else { Err(Failure::bad_partial(culprits)) }
}

/// The sum at 0 of the points. That of the shares must be the group key, or the point would be another key's.
fn shared(
    keys: &PublicKeys,
    proved: &[(Identifier<Secp256K1Sha256TR>, ProjectivePoint, ProjectivePoint)],
) -> Outcome<[u8; POINT]> {
    let ids: BTreeSet<_> = proved.iter().map(|(id, ..)| *id).collect();
    let (mut group, mut sum) = (ProjectivePoint::IDENTITY, ProjectivePoint::IDENTITY);
    for (id, share, own) in proved {
        let factor = compute_lagrange_coefficient(&ids, None, *id)?;
        group += *share * factor;
        sum += *own * factor;
    }
    if cbytes(&group)? == keys.verifying_key { cbytes(&sum) } else { Err(Failure::INVALID_INPUT) }
}
