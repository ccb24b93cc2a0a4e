//! Distributed key generation, parts 1 to 3 (RFC 9591's companion, the original FROST paper's figure 1).

use crate::failure::{Failure, Outcome};
use crate::package::{blamed, identifier, read_all, round1, round2};
use crate::rng::HostRng;
use crate::suite::Suite;
use crate::wire::{Map, Reader, Writer};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use frost_core::keys::dkg::{self, round1 as first, round2 as second};
use frost_core::keys::{KeyPackage, PublicKeyPackage, SecretShare, VerifiableSecretSharingCommitment};
use frost_core::Identifier;

pub fn part1<S: Suite>(arguments: &mut Reader) -> Outcome<Writer> {
    let (index, participants, threshold) = (arguments.int()?, arguments.int()?, arguments.int()?);
    arguments.end()?;
    if index > participants {
        return Err(Failure::INVALID_INPUT);
    }
    let (secret, package) = dkg::part1::<S, _>(identifier(index)?, participants, threshold, HostRng)?;
    Ok(Writer::default().item(&secret.serialize()?).item(&package.serialize()?))
}

/// Everybody from 1 to n but oneself, and nobody else.
fn all_others<S: Suite>(map: &Map, own: &Identifier<S>, participants: u16) -> Outcome<()> {
    let expected = (1..=participants).filter(|index| identifier::<S>(*index).map_or(true, |id| id != *own));
    if map.keys().copied().eq(expected) { Ok(()) } else { Err(Failure::INVALID_INPUT) }
}

pub fn part2<S: Suite>(arguments: &mut Reader) -> Outcome<Writer> {
    let secret = first::SecretPackage::<S>::deserialize(arguments.bytes()?)?;
    let map = arguments.map()?;
    arguments.end()?;
    all_others(&map, secret.identifier(), *secret.max_signers())?;
    let threshold = usize::from(*secret.min_signers());
    let packages = read_all(&map, |bytes| round1::<S>(bytes, threshold), Failure::bad_package)?;
    match dkg::part2(secret, &packages) {
        Ok((secret, outgoing)) => Ok(Writer::default().item(&secret.serialize()?).owned_map(&serialized(&outgoing)?)),
        Err(error) => {
            // The crate stops at the first; here all are named.
            let culprits = blamed(&packages, |id, package| {
                dkg::verify_proof_of_knowledge(*id, package.commitment(), package.proof_of_knowledge()).is_ok()
            });
            Err(if culprits.is_empty() { error.into() } else { Failure::bad_package(culprits) })
        }
    }
}

pub fn part3<S: Suite>(arguments: &mut Reader) -> Outcome<Writer> {
    let secret = second::SecretPackage::<S>::deserialize(arguments.bytes()?)?;
    let (map1, map2) = (arguments.map()?, arguments.map()?);
    arguments.end()?;
    all_others(&map1, secret.identifier(), *secret.max_signers())?;
    all_others(&map2, secret.identifier(), *secret.max_signers())?;
    let threshold = usize::from(*secret.min_signers());
    let packages1 = read_all(&map1, |bytes| round1::<S>(bytes, threshold), Failure::bad_package)?;
    let packages2 = read_all(&map2, round2::<S>, Failure::bad_package)?;
    match dkg::part3(&secret, &packages1, &packages2) {
        Ok((share, keys)) => finished(share, keys),
        Err(error) => {
            let culprits = false_shares(*secret.identifier(), &packages2, |id| packages1[id].commitment().clone());
            Err(if culprits.is_empty() { error.into() } else { Failure::bad_package(culprits) })
        }
    }
}

/// All senders whose round-two share does not lie on the polynomial that they committed to.
pub fn false_shares<S: Suite>(
    own: Identifier<S>,
    packages: &BTreeMap<Identifier<S>, second::Package<S>>,
    committed: impl Fn(&Identifier<S>) -> VerifiableSecretSharingCommitment<S>,
) -> Vec<u16> {
    blamed(packages, |sender, package| {
        SecretShare::new(own, *package.signing_share(), committed(sender)).verify().is_ok()
    })
}

pub fn serialized<S: Suite>(packages: &BTreeMap<Identifier<S>, second::Package<S>>) -> Outcome<BTreeMap<u16, Vec<u8>>> {
    let entry = |(id, package): (&Identifier<S>, &second::Package<S>)| {
        Ok((crate::failure::index_of(id).ok_or(Failure::INVALID_INPUT)?, package.serialize()?))
    };
    packages.iter().map(entry).collect()
}

/// A share and public keys as they leave this module, the group key in normal form.
pub fn finished<S: Suite>(share: KeyPackage<S>, keys: PublicKeyPackage<S>) -> Outcome<Writer> {
    let share = S::normal_share(share);
    Ok(Writer::default().item(&share.serialize()?).item(&S::normal_keys(keys).serialize()?))
}
