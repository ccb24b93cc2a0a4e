/** How often any of these secrets stands in any of the texts: as bytes, in hex, base64 or base64url. */
export function occurrences(texts: readonly Buffer[], secrets: readonly Uint8Array[]): number {
  const forms = secrets.flatMap(formsOf)
  return texts.reduce((sum, text) => sum + forms.reduce((times, form) => times + countIn(text, form), 0), 0)
}

/** In base64 the beginning of a larger text shifts its characters, so each of the three places is tried. */
function formsOf(secret: Uint8Array): Buffer[] {
  const bytes = Buffer.from(secret)
  const encoded = [0, 1, 2].flatMap((shift) => {
    const shifted = Buffer.concat([Buffer.alloc(shift), bytes])
    // Characters that depend on what stands before and after are left out.
    return (['base64', 'base64url'] as const).map((encoding) =>
      shifted
        .toString(encoding)
        .replace(/=+$/, '')
        .slice(shift === 0 ? 0 : shift + 1, -1),
    )
  })
  const forms = new Set([bytes.toString('hex'), bytes.toString('hex').toUpperCase(), ...encoded])
  return [bytes, ...Array.from(forms, (form) => Buffer.from(form))]
}

function countIn(text: Buffer, form: Buffer): number {
  let times = 0
  for (let at = text.indexOf(form); at !== -1; at = text.indexOf(form, at + 1)) times += 1
  return times
}
