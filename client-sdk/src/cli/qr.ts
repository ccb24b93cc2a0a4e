import { renderUnicodeCompact } from 'uqr'
import { bgBlack, whiteBright } from 'yoctocolors'

/** A QR code as lines for a terminal, light on dark whatever its colours are. */
export const qrLines = (text: string): string[] =>
  renderUnicodeCompact(text, { border: 2 })
    .split('\n')
    .map((line) => bgBlack(whiteBright(line)))
