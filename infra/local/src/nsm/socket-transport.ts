import { connect } from 'node:net'
import { Refusal } from '@quorate/shared/errors'
import type { NsmTransport } from '@quorate/enclave/platform/nsm'
import { createMessageReader, frameMessage } from './message-stream.ts'

const longestReply = 0x3000
const patience = 5_000

/** Reaches the simulated security module on its UNIX socket, with a connection for each request. Throws `enclave.failed`. */
export const connectNsmSocket =
  (socketPath: string): NsmTransport =>
  (request) =>
    new Promise((resolve, reject) => {
      const read = createMessageReader(longestReply)
      const socket = connect(socketPath, () => socket.write(frameMessage(request)))
      const fail = () => {
        socket.destroy()
        reject(new Refusal('enclave.failed'))
      }
      socket.setTimeout(patience, fail).on('error', fail).on('close', fail)
      socket.on('data', (chunk: Buffer) => {
        try {
          const [reply] = read(chunk)
          if (reply === undefined) return
          resolve(reply)
          socket.end()
        } catch {
          fail()
        }
      })
    })
