// What the service approves by itself. Everything else is rejected, with the reason.

/**
 * Why this item may not be signed, or null.
 * @param {import('@quorate/client').Item} item
 * @returns {string | null}
 */
export function objection({ content }) {
  if (content.type !== 'nostr-event') return `no rule for ${content.type}`
  const { kind, tags, content: text } = content.event
  if (kind !== 1) return `events of kind ${kind} want a person`
  if (tags.some(([name]) => name === 'p')) return 'who names people wants a person'
  if ([...text].length > 280) return 'longer than 280 characters'
  return null
}
