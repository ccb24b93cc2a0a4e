//! Keys apart from a ceremony: splitting an existing one, and what is public of a key.

use crate::failure::{index_of, Failure, Outcome};
use crate::package::{identifier, read_all, PublicKeys, Share};
use crate::rng::HostRng;
use crate::sign::tweak;
use crate::suite::Suite;
use crate::wire::{one, Reader, Writer};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use frost_core::keys::{split, IdentifierList, KeyPackage, PublicKeyPackage, VerifyingShare};
use frost_core::{compute_lagrange_coefficient, Element, Group, Identifier, VerifyingKey};

pub fn dealer_split<S: Suite>(arguments: &mut Reader) -> Outcome<Writer> {
    let (secret_key, participants, threshold) = (arguments.bytes()?, arguments.int()?, arguments.int()?);
    arguments.end()?;
    let key = S::import(secret_key)?;
    let (shares, keys) = split(&key, participants, threshold, IdentifierList::Default, &mut HostRng)?;
    let mut packages = BTreeMap::new();
    for (id, share) in shares {
        let index = index_of(&id).ok_or(Failure::INVALID_INPUT)?;
        packages.insert(index, S::normal_share(KeyPackage::try_from(share)?).serialize()?);
    }
    Ok(Writer::default().owned_map(&packages).item(&S::normal_keys(keys).serialize()?))
}

pub fn describe<S: Suite>(arguments: &mut Reader) -> Outcome<Writer> {
    let keys = PublicKeys::read::<S>(arguments.bytes()?)?;
    arguments.end()?;
    let threshold = keys.threshold;
    let keys = S::normal_keys(keys.whole()?);
    let mut shares = BTreeMap::new();
    for (id, share) in keys.verifying_shares() {
        shares.insert(index_of(id).ok_or(Failure::INVALID_INPUT)?, share.serialize()?);
    }
    let group_key = keys.verifying_key().serialize()?;
    Ok(Writer::default().item(S::group_key(&group_key)).owned_map(&shares).int(threshold))
}

pub fn public_keys_from<S: Suite>(arguments: &mut Reader) -> Outcome<Writer> {
    let group_key = VerifyingKey::new(S::lift(arguments.bytes()?)?);
    let (shares, threshold) = (arguments.map()?, arguments.int()?);
    arguments.end()?;
    let shares = read_all(&shares, |bytes| Ok(VerifyingShare::new(S::point(bytes)?)), Failure::bad_package)?;
    if threshold < 2 || usize::from(threshold) > shares.len() {
        return Err(Failure::INVALID_INPUT);
    }
    let keys = PublicKeyPackage::<S>::new(shares, group_key, Some(threshold));
    consistent(&keys, threshold)?;
    one(&keys.serialize()?)
}

/// The verifying shares lie on one polynomial of degree t−1 whose value at 0 is the group key. Else the shares of some
/// quorum would not sign for this key, or a participant could be blamed for what a dealer did.
fn consistent<S: Suite>(keys: &PublicKeyPackage<S>, threshold: u16) -> Outcome<()> {
    let first: Vec<_> = keys.verifying_shares().iter().take(threshold.into()).collect();
    let ids: BTreeSet<Identifier<S>> = first.iter().map(|(id, _)| **id).collect();
    let at = |x: Option<Identifier<S>>| -> Outcome<Element<S>> {
        first.iter().try_fold(S::Group::identity(), |sum, (id, share)| {
            Ok(sum + share.to_element() * compute_lagrange_coefficient(&ids, x, **id)?)
        })
    };
    let mut bad = Vec::new();
    for (id, share) in keys.verifying_shares().iter().skip(threshold.into()) {
        if at(Some(*id))? != share.to_element() {
            bad.extend(index_of(id));
        }
    }
    if bad.is_empty() && at(None)? == keys.verifying_key().to_element() {
        return Ok(());
    }
    Err(Failure::INVALID_INPUT)
}

/// Whether a share is the one that the public keys speak of, and those are one key's.
pub fn verify_share<S: Suite>(arguments: &mut Reader) -> Outcome<Writer> {
    let share = Share::read::<S>(arguments.bytes()?)?;
    let keys = PublicKeys::read::<S>(arguments.bytes()?)?;
    arguments.end()?;
    Ok(Writer::default().flag(belongs::<S>(&share, &keys)? && consistent::<S>(&keys.whole()?, keys.threshold).is_ok()))
}

/// The share's secret, group key and threshold are those of its index in the public keys.
pub fn belongs<S: Suite>(share: &Share, keys: &PublicKeys) -> Outcome<bool> {
    let own = VerifyingShare::<S>::from(share.secret()?).serialize()?;
    let listed = keys.verifying_shares.get(&share.index);
    Ok(listed == Some(&own.as_slice())
        && share.whole::<S>()?.verifying_share().serialize()? == own
        && share.verifying_key == keys.verifying_key
        && share.threshold == keys.threshold)
}

pub fn tweaked_key<S: Suite>(arguments: &mut Reader) -> Outcome<Writer> {
    let group_key = VerifyingKey::new(S::lift(arguments.bytes()?)?);
    let tweak = tweak(arguments)?;
    arguments.end()?;
    let keys = S::tweak_keys(PublicKeyPackage::<S>::new(BTreeMap::new(), group_key, None), tweak)?;
    one(S::group_key(&keys.verifying_key().serialize()?))
}

/// Indices to identifiers, refusing 0.
pub fn identifiers<S: Suite>(indices: impl Iterator<Item = u16>) -> Outcome<Vec<Identifier<S>>> {
    indices.map(identifier).collect()
}
