import { setTimeout as sleep } from 'node:timers/promises'
import type { Fleet } from '../../fleet/fleet.ts'
import type { Claim } from '../referee.ts'
import type { Stage } from '../stage.ts'
import { hostOf } from './make-key.ts'
import { sign, type Ask } from './sign.ts'

/** Bob's enclave is shot between the question and the answers; alice's and carol's sign without it. */
export async function loseEnclave(stage: Stage, fleet: Fleet, ask: Ask): Promise<Claim> {
  const { people, key } = ask
  const lost = hostOf(key, 'bob')
  const shotAt = { ms: 0 }
  const shoot = () => {
    shotAt.ms = performance.now()
    fleet.kill(lost, 'SIGKILL')
    stage.enclave(lost, { mark: 'dead', note: 'kill -9' })
    stage.bad(`kill -9 ${lost}, which holds bob's share`)
    return Promise.resolve()
  }
  const claim = await sign(stage, ask, [people.bob, people.carol], shoot)
  stage.keep('from kill -9 of an enclave to a signature without it', performance.now() - shotAt.ms)

  await stage.timed(`${lost} is started again, and KMS opens its root secret for it`, async () => {
    while (fleet.pidOf(lost) === undefined) await sleep(20)
    await fleet.ready()
  })
  stage.keep('from kill -9 until it is back as who it was', performance.now() - shotAt.ms)
  stage.enclave(lost, { mark: 'attested', note: "bob's share" })
  return claim
}
