// node approve.js bob | carol     Shows what waits for this person's word, and asks for it.
import { createInterface } from 'node:readline/promises'
import { showContent } from '@quorate/client'
import { openPerson } from './person.js'

const [, , name] = process.argv
if (name !== 'bob' && name !== 'carol') throw new Error('say bob or carol')
const { participant, key } = await openPerson(name)

const person = createInterface({ input: process.stdin, output: process.stdout })
for (const request of await participant.pendingSignings(key, { wait: 60_000 })) {
  console.log(`${request.asker} asks for a signature of`)
  for (const { content } of request.items)
    for (const { label, text } of showContent(content)) console.log(`  ${label}: ${text}`)
  const answer = await person.question('approve? yes or no: ')
  if (answer.trim() === 'yes') await participant.approve(request)
  else await participant.reject(request, 'not by me')
}
person.close()
