/** The address that a text is, or null. As `URL.parse`, which Node 20 and older browsers do not have. */
export const parseUrl = (text: string, base?: URL): URL | null =>
  URL.canParse(text, base?.href) ? new URL(text, base) : null
