import * as z from 'zod/mini'

/** Which go at the rounds a question belongs to, 1…1000. */
export const Attempt = z.int().check(z.minimum(1), z.maximum(1_000))
