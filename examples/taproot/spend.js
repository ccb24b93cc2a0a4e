// node taproot/spend.js address
// node taproot/spend.js TXID VOUT SATS TO FEE      Alice spends a Taproot output of a key that three people hold.
//
// @scure/btc-signer makes the transaction; the key signs its sighash (BIP-341) when a second person has approved. The result is
// printed for `bitcoin-cli sendrawtransaction`.
import { taprootAddress } from '@quorate/client'
import { Address, OutScript, SigHash, Transaction } from '@scure/btc-signer'
import { hex } from '@scure/base'
import { openPerson } from '../person.js'

const network = 'regtest'
const names = { bech32: 'bcrt', pubKeyHash: 0x6f, scriptHash: 0xc4, wif: 0xef } // of regtest

const { participant: alice, key } = await openPerson('alice')
const address = await taprootAddress(key, network)
const script = OutScript.encode(Address(names).decode(address))

const [, , txid, vout, sats, to, fee] = process.argv
if (txid === 'address') console.log(address)
else {
  if (!txid || !vout || !sats || !to || !fee) throw new Error('say TXID VOUT SATS TO FEE, or address')
  const amount = BigInt(sats)
  const transaction = new Transaction()
  transaction.addInput({ txid, index: Number(vout), witnessUtxo: { script, amount } })
  transaction.addOutputAddress(to, amount - BigInt(fee), names)

  const sighash = transaction.preimageWitnessV1(0, [script], SigHash.DEFAULT, [amount])
  const signing = await alice.requestSignature(key, {
    content: { type: 'raw', bytes: hex.encode(sighash) },
    mode: { kind: 'taproot', merkleRoot: '' }, // by the output key, which the address pays
  })
  console.error(`waiting for a second approval of ${signing.signingId}`)
  const [signature] = (await signing.completed({ timeout: 600_000 })).signatures
  if (!signature) throw new Error('nothing was signed')
  transaction.updateInput(0, { finalScriptWitness: [signature] })
  console.log(transaction.hex)
}
