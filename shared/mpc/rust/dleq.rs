//! BIP-374, discrete log equality proofs: A = a·G and C = a·B for one a, which only the prover knows. Names are the BIP's.

use crate::failure::{Failure, Outcome};
use crate::rng::HostRng;
use crate::suite::Suite;
use crate::wire::{array, one, Reader, Writer};
use frost_core::Group;
use frost_secp256k1_tr::{Secp256K1Group, Secp256K1Sha256TR};
use k256::elliptic_curve::ops::{LinearCombination, Reduce};
use k256::elliptic_curve::PrimeField;
use k256::{NonZeroScalar, ProjectivePoint, Scalar, U256};
use rand_core::RngCore;
use sha2::{Digest, Sha256};

pub const POINT: usize = Secp256K1Sha256TR::POINT;
pub const PROOF: usize = 64;

/// What a proof is about. The message is 32 bytes, or none at all.
pub struct Statement<'a> {
    pub a: ProjectivePoint,
    pub b: ProjectivePoint,
    pub c: ProjectivePoint,
    pub g: ProjectivePoint,
    pub message: &'a [u8],
}

/// The proof alone, for any G, as the published vectors have it. Only tests call these two.
pub fn call(operation: u32, arguments: &mut Reader) -> Outcome<Writer> {
    match operation {
        4 => {
            let secret = scalar(arguments.bytes()?)?;
            let (b, g) = (point(arguments.bytes()?)?, point(arguments.bytes()?)?);
            let message = optional_message(arguments.bytes()?)?;
            arguments.end()?;
            one(&generate_proof(secret, b, g, message)?.1)
        }
        5 => {
            let (a, b, c) = (point(arguments.bytes()?)?, point(arguments.bytes()?)?, point(arguments.bytes()?)?);
            let (proof, g) = (array(arguments.bytes()?)?, point(arguments.bytes()?)?);
            let message = optional_message(arguments.bytes()?)?;
            arguments.end()?;
            Ok(Writer::default().flag(verify_proof(&Statement { a, b, c, g, message }, &proof)))
        }
        _ => Err(Failure::INVALID_INPUT),
    }
}

fn optional_message(bytes: &[u8]) -> Outcome<&[u8]> {
    if matches!(bytes.len(), 0 | 32) { Ok(bytes) } else { Err(Failure::INVALID_INPUT) }
}

/// 32 bytes, big endian, below n.
fn scalar(bytes: &[u8]) -> Outcome<Scalar> {
    let bytes: [u8; 32] = array(bytes)?;
    Option::from(Scalar::from_repr(bytes.into())).ok_or(Failure::INVALID_INPUT)
}

/// SEC1, compressed; not the identity, which has no such form.
pub fn point(bytes: &[u8]) -> Outcome<ProjectivePoint> {
    Secp256K1Sha256TR::point(bytes)
}

/// The inverse of `point`; fails for the identity.
pub fn cbytes(point: &ProjectivePoint) -> Outcome<[u8; POINT]> {
    Secp256K1Group::serialize(point).map_err(|_| Failure::INVALID_INPUT)
}

/// GenerateProof, and the statement that it proves. Its r is fresh from the host.
pub fn generate_proof(
    secret: Scalar,
    b: ProjectivePoint,
    g: ProjectivePoint,
    message: &[u8],
) -> Outcome<(Statement, [u8; PROOF])> {
    let secret: NonZeroScalar = Option::from(NonZeroScalar::new(secret)).ok_or(Failure::INVALID_INPUT)?;
    let statement = Statement { a: g * *secret, b, c: b * *secret, g, message };
    let mut r = [0; 32];
    HostRng.fill_bytes(&mut r);
    let mut t = tagged_hash("BIP0374/aux", &[&r]);
    t.iter_mut().zip(secret.to_repr()).for_each(|(byte, own)| *byte ^= own);
    let rand = tagged_hash("BIP0374/nonce", &[&t, &cbytes(&statement.a)?, &cbytes(&statement.c)?, message]);
    let k = int_mod_n(rand);
    // A k of zero makes R1 the identity, which has no bytes.
    let e = challenge(&statement, &(g * k), &(b * k))?;
    let s = k + int_mod_n(e) * *secret;
    let mut proof = [0; PROOF];
    proof[..32].copy_from_slice(&e);
    proof[32..].copy_from_slice(&s.to_repr());
    // A fault in what is above could give the secret away; it ends the call.
    assert!(verify_proof(&statement, &proof));
    Ok((statement, proof))
}

/// VerifyProof.
pub fn verify_proof(statement: &Statement, proof: &[u8; PROOF]) -> bool {
    let verified = || -> Outcome<bool> {
        let (e, s) = (array(&proof[..32])?, scalar(&proof[32..])?);
        let minus_e = -int_mod_n(e);
        let r1 = ProjectivePoint::lincomb(&statement.g, &s, &statement.a, &minus_e);
        let r2 = ProjectivePoint::lincomb(&statement.b, &s, &statement.c, &minus_e);
        Ok(challenge(statement, &r1, &r2)? == e)
    };
    verified().unwrap_or(false)
}

fn challenge(of: &Statement, r1: &ProjectivePoint, r2: &ProjectivePoint) -> Outcome<[u8; 32]> {
    let (a, b, c, g) = (cbytes(&of.a)?, cbytes(&of.b)?, cbytes(&of.c)?, cbytes(&of.g)?);
    Ok(tagged_hash("BIP0374/challenge", &[&a, &b, &c, &g, &cbytes(r1)?, &cbytes(r2)?, of.message]))
}

fn int_mod_n(bytes: [u8; 32]) -> Scalar {
    <Scalar as Reduce<U256>>::reduce_bytes(&bytes.into())
}

/// BIP-340's.
fn tagged_hash(tag: &str, parts: &[&[u8]]) -> [u8; 32] {
    let tag = Sha256::digest(tag);
    let mut hash = Sha256::new_with_prefix(tag).chain_update(tag);
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().into()
}
