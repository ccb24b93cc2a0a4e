import * as z from 'zod/mini'
import { Approval } from '../consent.ts'
import { SigningId } from '../ids.ts'
import { SigningState } from '../signing.ts'
import { Failure } from '../status.ts'
import { none, route } from './route.ts'
import { MAX_SIGNING, SigningBody } from './signing.ts'

/** Signings that go together at most, each of another key or of the same. */
export const mostTogether = 100

/** Each with the items of its key. All of them have 1 MiB. */
export const SigningsBody = z.strictObject({
  requests: z.array(SigningBody).check(z.minLength(1), z.maxLength(mostTogether)),
})

/** Words of one participant, each signed for its key. */
export const ApprovalsBody = z.strictObject({
  approvals: z
    .array(z.strictObject({ signingId: SigningId, approval: Approval }))
    .check(z.minLength(1), z.maxLength(mostTogether)),
})

/** How one of them was taken: the state of its signing, or why it was refused. */
export const SigningEntry = z.union([z.strictObject({ signingId: SigningId, state: SigningState }), Failure])
export type SigningEntry = z.infer<typeof SigningEntry>

/** One entry for each, in the order in which they were sent. */
export const SigningsTaken = z.strictObject({ signings: z.array(SigningEntry).check(z.maxLength(mostTogether)) })
export type SigningsTaken = z.infer<typeof SigningsTaken>

/** Signings of several keys in one call. Each is taken or refused by itself, as if it had come alone. */
export const togetherRoutes = {
  requestSignings: route({
    method: 'post',
    path: '/signings',
    summary: 'Ask for signatures of several keys',
    wants: 'nobody',
    repeatable: true,
    longest: MAX_SIGNING,
    query: none,
    body: SigningsBody,
    reply: SigningsTaken,
    errors: [],
  }),
  approveSignings: route({
    method: 'post',
    path: '/signings/approve',
    summary: 'Approve or reject requests to several keys',
    wants: 'nobody',
    repeatable: true,
    longest: MAX_SIGNING,
    query: none,
    body: ApprovalsBody,
    reply: SigningsTaken,
    errors: [],
  }),
} as const
