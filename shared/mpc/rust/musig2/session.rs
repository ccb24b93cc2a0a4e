//! Sign, PartialSigVerify and PartialSigAgg, with or without an adaptor.

use super::adaptor::Adaptor;
use super::keys::Keys;
use super::nonce::{aggnonce, pubnonces};
use super::read;
use crate::failure::{Failure, Outcome};
use crate::wire::{one, Map, Reader, Writer};
use ::musig2::errors::SigningError;
use ::musig2::{compute_challenge_hash_tweak, sign_partial, verify_partial};
use ::musig2::{AggNonce, PartialSignature, PubNonce, SecNonce};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use secp::{MaybeScalar, Point};

/// The session context without its nonces: the keys (three items), an adaptor point or nothing, the message.
pub struct Session<'a> {
    pub keys: Keys,
    pub adaptor: Adaptor,
    pub message: &'a [u8],
}

impl<'a> Session<'a> {
    pub fn read(arguments: &mut Reader<'a>) -> Outcome<Self> {
        let keys = Keys::read(arguments)?;
        Ok(Session { keys, adaptor: Adaptor::read_optional(arguments.bytes()?)?, message: arguments.bytes()? })
    }

    fn pubnonces(&self, map: &Map) -> Outcome<(BTreeMap<u16, PubNonce>, AggNonce)> {
        self.keys.all_of(map)?;
        let all = pubnonces(map)?;
        let aggnonce = self.adaptor.added_to(AggNonce::sum(all.values()));
        Ok((all, aggnonce))
    }

    fn verified(&self, index: u16, nonce: &PubNonce, aggnonce: &AggNonce, psig: PartialSignature) -> bool {
        let verified = |key: &Point| verify_partial(&self.keys.context, psig, aggnonce, *key, nonce, self.message);
        self.keys.pubkeys.get(&index).is_some_and(|key| verified(key).is_ok())
    }
}

pub fn sign(arguments: &mut Reader) -> Outcome<Writer> {
    let session = Session::read(arguments)?;
    let (aggnonce, sk) = (aggnonce(arguments.bytes()?)?, read::secret(arguments.bytes()?)?);
    let secnonce = SecNonce::from_bytes(arguments.bytes()?).map_err(|_| Failure::INVALID_INPUT)?;
    arguments.end()?;
    let aggnonce = session.adaptor.added_to(aggnonce);
    // It refuses a key that is not among the keys, and a nonce of another key.
    match sign_partial::<PartialSignature>(&session.keys.context, sk, secnonce, &aggnonce, session.message) {
        Ok(psig) => one(&psig.serialize()),
        // A fault in what is above could give the secret away; it ends the call.
        Err(SigningError::SelfVerifyFail) => panic!(),
        Err(_) => Err(Failure::INVALID_INPUT),
    }
}

pub fn partial_sig_verify(arguments: &mut Reader) -> Outcome<Writer> {
    let session = Session::read(arguments)?;
    let (map, index, psig) = (arguments.map()?, arguments.int()?, arguments.bytes()?);
    arguments.end()?;
    let (all, aggnonce) = session.pubnonces(&map)?;
    let nonce = all.get(&index).ok_or(Failure::INVALID_INPUT)?;
    let verified = read::scalar(psig).is_ok_and(|psig| session.verified(index, nonce, &aggnonce, psig));
    Ok(Writer::default().flag(verified))
}

/// The signature (64 bytes), or with an adaptor the pre-signature (65). Either is verified, or all are named who spoilt it.
pub fn partial_sig_agg(arguments: &mut Reader) -> Outcome<Writer> {
    let session = Session::read(arguments)?;
    let (nonces, map) = (arguments.map()?, arguments.map()?);
    arguments.end()?;
    session.keys.all_of(&map)?;
    let (nonces, aggnonce) = session.pubnonces(&nonces)?;
    let psigs: Vec<Option<MaybeScalar>> = map.values().map(|psig| read::scalar(psig).ok()).collect();
    let whole = psigs.iter().copied().collect::<Option<Vec<_>>>();
    if let Some(signature) = whole.and_then(|psigs| joined(&session, &aggnonce, psigs)) {
        return one(&signature);
    }
    let right = |index: u16, nonce: &PubNonce, psig: &Option<MaybeScalar>| {
        psig.is_some_and(|psig| session.verified(index, nonce, &aggnonce, psig))
    };
    let wrong = nonces.iter().zip(&psigs).filter(|((index, nonce), psig)| !right(**index, nonce, psig));
    let culprits: Vec<u16> = wrong.map(|((index, _), _)| *index).collect();
    Err(if culprits.is_empty() { Failure::INVALID_SIGNATURE } else { Failure::bad_partial(culprits) })
}

/// s = s_1 + … + s_u + e·g·tacc. The crate's own sum knows no adaptor that its nonce coefficient is bound to.
fn joined(session: &Session, aggnonce: &AggNonce, psigs: Vec<MaybeScalar>) -> Option<Vec<u8>> {
    let (key, message) = (session.keys.aggregate(), session.message);
    let b: MaybeScalar = aggnonce.nonce_coefficient(key, message);
    let nonce: Point = aggnonce.final_nonce(b);
    let e: MaybeScalar = compute_challenge_hash_tweak(&nonce.serialize_xonly(), &key, message);
    let tacc = session.keys.context.tweak_sum().map_or(MaybeScalar::Zero, MaybeScalar::Valid);
    let s = psigs.into_iter().sum::<MaybeScalar>() + (e * tacc).negate_if(key.parity());
    session.adaptor.finished(&key, message, nonce, s)
}
