import type { Life } from '../wire/identity.ts'

/**
 * Of two lives of one identity, is this the later one? Clones of a host are lives of it too, and one of two always is the later one, so
 * that whoever has seen that one takes no word of the other any more.
 */
export const isLater = (life: Life, than: Life): boolean =>
  life.startedAt > than.startedAt || (life.startedAt === than.startedAt && life.id > than.id)

export const isSameLife = (one: Life, other: Life): boolean => one.id === other.id && one.startedAt === other.startedAt
