/** Whose fault a refusal is: the caller's, a named participant's, something we depend on, or ours. */
export type Blame = 'caller' | 'participant' | 'upstream' | 'us'

/** May the same thing be tried again: never, by repeating the request as it was, or by a new session. */
export type Retry = 'never' | 'same_request' | 'new_session'

export type Row = Readonly<{ blame: Blame; status: number; retry: Retry; title: string }>

export const row = (blame: Blame, status: number, retry: Retry, title: string): Row => ({ blame, status, retry, title })
