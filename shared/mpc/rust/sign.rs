//! Signing, RFC 9591 section 5: commit, sign, aggregate, and the two verifications.

use crate::failure::{Failure, Outcome};
use crate::package::{self, identifier, read_all, PublicKeys, Share};
use crate::rng::HostRng;
use crate::suite::{Suite, TweakArgument};
use crate::wire::{one, Map, Reader, Writer};
use alloc::vec::Vec;
use frost_core::round2::SignatureShare;
use frost_core::{aggregate_custom, round1, round2, verify_signature_share};
use frost_core::{CheaterDetection, Signature, SigningPackage, VerifyingKey};

/// An item that is `0`, or `1` and then nothing or a Merkle root of 32 bytes, or `2` and then a scalar of 32 bytes.
pub fn tweak<'a>(arguments: &mut Reader<'a>) -> Outcome<TweakArgument<'a>> {
    match arguments.bytes()? {
        [0] => Ok(TweakArgument::None),
        [1] => Ok(TweakArgument::Taproot(None)),
        [1, root @ ..] if root.len() == 32 => Ok(TweakArgument::Taproot(Some(root))),
        [2, scalar @ ..] => {
            scalar.try_into().map(TweakArgument::Scalar).map_err(|_| Failure::INVALID_INPUT)
        }
        _ => Err(Failure::INVALID_INPUT),
    }
}

pub fn commit<S: Suite>(arguments: &mut Reader) -> Outcome<Writer> {
    let share = Share::read::<S>(arguments.bytes()?)?;
    arguments.end()?;
    let (nonces, commitments) = round1::commit(&share.secret::<S>()?, &mut HostRng);
    Ok(Writer::default().item(&nonces.serialize()?).item(&commitments.serialize()?))
}

fn signing_package<S: Suite>(commitments: &Map, message: &[u8]) -> Outcome<SigningPackage<S>> {
    let commitments = read_all(commitments, package::commitments::<S>, Failure::bad_package)?;
    Ok(SigningPackage::new(commitments, message))
}

pub fn sign<S: Suite>(arguments: &mut Reader) -> Outcome<Writer> {
    let share = Share::read::<S>(arguments.bytes()?)?;
    let nonces = arguments.bytes()?;
    let (mut map, message, tweak) = (arguments.map()?, arguments.bytes()?, tweak(arguments)?);
    arguments.end()?;
    let own = map.remove(&share.index).ok_or(Failure::INVALID_INPUT)?;
    let copied: Vec<u16> = map.iter().filter(|(_, bytes)| **bytes == own).map(|(index, _)| *index).collect();
    if !copied.is_empty() {
        return Err(Failure::bad_package(copied));
    }
    let nonces = package::nonces::<S>(nonces, own)?;
    let mut all = read_all(&map, package::commitments::<S>, Failure::bad_package)?;
    all.insert(identifier(share.index)?, *nonces.commitments());
    let package = SigningPackage::new(all, message);
    let share = S::tweak_share(share.for_signing()?, tweak)?;
    one(&round2::sign(&package, &nonces, &share)?.serialize())
}

fn partial<S: Suite>(bytes: &[u8]) -> Outcome<SignatureShare<S>> {
    Ok(SignatureShare::deserialize(bytes)?)
}

pub fn aggregate<S: Suite>(arguments: &mut Reader) -> Outcome<Writer> {
    let keys = PublicKeys::read::<S>(arguments.bytes()?)?;
    let (commitments, partials) = (arguments.map()?, arguments.map()?);
    let (message, tweak) = (arguments.bytes()?, tweak(arguments)?);
    arguments.end()?;
    signers_of(&keys, &commitments)?;
    if !commitments.keys().eq(partials.keys()) {
        return Err(Failure::INVALID_INPUT);
    }
    let package = signing_package::<S>(&commitments, message)?;
    let partials = read_all(&partials, partial::<S>, Failure::bad_partial)?;
    // The signature is verified in any case; the verifying shares are needed only to find who spoilt it.
    let group = S::tweak_keys(keys.without_shares()?, tweak)?;
    if let Ok(signature) = aggregate_custom(&package, &partials, &group, CheaterDetection::Disabled) {
        return one(&signature.serialize()?);
    }
    let all = S::tweak_keys(keys.whole()?, tweak)?;
    one(&aggregate_custom(&package, &partials, &all, CheaterDetection::AllCheaters)?.serialize()?)
}

/// At least threshold of the key's participants, and nobody else.
pub fn signers_of(keys: &PublicKeys, commitments: &Map) -> Outcome<()> {
    let strangers = commitments.keys().filter(|index| !keys.verifying_shares.contains_key(index));
    let strangers: Vec<u16> = strangers.copied().collect();
    if strangers.is_empty() && commitments.len() >= usize::from(keys.threshold) {
        return Ok(());
    }
    Err(Failure::invalid_input(strangers))
}

pub fn verify_partial<S: Suite>(arguments: &mut Reader) -> Outcome<Writer> {
    let keys = PublicKeys::read::<S>(arguments.bytes()?)?;
    let (index, commitments, bytes) = (arguments.int()?, arguments.map()?, arguments.bytes()?);
    let (message, tweak) = (arguments.bytes()?, tweak(arguments)?);
    arguments.end()?;
    signers_of(&keys, &commitments)?;
    if !commitments.contains_key(&index) {
        return Err(Failure::INVALID_INPUT);
    }
    let package = signing_package::<S>(&commitments, message)?;
    let Ok(partial) = partial::<S>(bytes) else { return Ok(Writer::default().flag(false)) };
    let keys = S::tweak_keys(keys.whole()?, tweak)?;
    let id = identifier::<S>(index)?;
    let share = keys.verifying_shares().get(&id).ok_or(Failure::INVALID_INPUT)?;
    let verified = verify_signature_share(id, share, &partial, &package, keys.verifying_key());
    Ok(Writer::default().flag(verified.is_ok()))
}

pub fn verify<S: Suite>(arguments: &mut Reader) -> Outcome<Writer> {
    let (public_key, message, signature) = (arguments.bytes()?, arguments.bytes()?, arguments.bytes()?);
    arguments.end()?;
    let verified = || -> Outcome<()> {
        let key = VerifyingKey::<S>::new(S::lift(public_key)?);
        Ok(key.verify(message, &Signature::deserialize(signature)?)?)
    };
    Ok(Writer::default().flag(verified().is_ok()))
}
