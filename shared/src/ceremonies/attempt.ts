import * as z from 'zod'

/** Which go at the rounds a question belongs to, 1…1000. */
export const Attempt = z.int().min(1).max(1_000)
