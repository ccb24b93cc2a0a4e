import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { refusals } from '../errors.ts'
import { NostrKey } from './keys.ts'
import { isMethod, methods, type Method, type Params } from './methods.ts'
import { longestMessage } from './nip44-padding.ts'
import { answer, formatResponse, greet, readRequest, refuse, sendToPage } from './nip46.ts'

const key = NostrKey.parse('79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798')
const peer = 'c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5'
const request = (method: string, ...params: unknown[]) => readRequest(JSON.stringify({ id: 'a1', method, params }))
const template = { kind: 1, content: 'gm', tags: [['t', 'x']], created_at: 1_714_078_911 }
const badParams = { id: 'a1', refused: 'nostr.params_invalid' }

/** What is read of each method's parameters, as the specification has them. A method that is missing does not compile. */
const examples: { [M in Method]: Readonly<{ params: unknown[]; read: Params<M> }> } = {
  connect: {
    params: [key, 's3cret', 'nip44_encrypt,sign_event:4', '{"name":"App","url":"https://app.example"}'],
    read: {
      signer: key,
      secret: 's3cret',
      permissions: [
        { method: 'nip44_encrypt', kind: null },
        { method: 'sign_event', kind: 4 },
      ],
      metadata: { name: 'App', url: 'https://app.example', image: null },
    },
  },
  sign_event: { params: [JSON.stringify(template)], read: { event: template, author: null } },
  ping: { params: [], read: null },
  get_public_key: { params: [], read: null },
  nip44_encrypt: { params: [peer, 'gm'], read: { peer: NostrKey.parse(peer), message: 'gm' } },
  nip44_decrypt: { params: [peer, 'AgAA'], read: { peer: NostrKey.parse(peer), message: 'AgAA' } },
  nip04_encrypt: { params: [peer, ''], read: { peer: NostrKey.parse(peer), message: '' } },
  nip04_decrypt: { params: [peer, 'AA==?iv=AA=='], read: { peer: NostrKey.parse(peer), message: 'AA==?iv=AA==' } },
  switch_relays: { params: [], read: null },
  logout: { params: [], read: null },
}

describe('a request', () => {
  it.each(Object.entries(examples))('for %s is read', (method, { params, read }) => {
    expect(request(method, ...params)).toEqual({ id: 'a1', method, params: read })
  })

  it.each(Object.entries(examples))(
    'for %s is answered with an error when its parameters are others',
    (method, { params }) => {
      const others = [
        [...params, ...Array.from({ length: 5 }, () => '')],
        [peer.toUpperCase(), '', ''],
      ]
      if (params.length > 0) others.push([], ['x'.repeat(64), ...params.slice(1)])
      for (const other of others) expect(request(method, ...other), JSON.stringify(other)).toEqual(badParams)
    },
  )

  it('for an unknown method is answered with an error, whatever it is called', () => {
    const unknown = { id: 'a1', refused: 'nostr.method_unknown' }
    for (const method of ['create_account', 'describe', '', 'PING', 'toString', '__proto__', 'constructor'])
      expect(request(method), method).toEqual(unknown)
    fc.assert(
      fc.property(fc.string({ maxLength: 64 }), (method) => {
        fc.pre(!isMethod(method))
        expect(request(method, 'x')).toEqual(unknown)
      }),
    )
  })

  it('that is none is answered with an error if it has an id, and else with nothing', () => {
    const invalid = (id: string | null) => ({ id, refused: 'nostr.request_invalid' })
    for (const text of ['', 'gm', 'null', '[]', '7', '"x"', '{}', '{"id":7,"method":"ping","params":[]}'])
      expect(readRequest(text), text).toEqual(invalid(null))
    const without = ['{"id":"a1"}', '{"id":"a1","method":"ping"}', '{"id":"a1","method":"ping","params":{}}']
    for (const text of [...without, '{"id":"a1","method":1,"params":[]}', '{"id":"a1","method":"ping","params":[1]}'])
      expect(readRequest(text), text).toEqual(invalid('a1'))
    expect(readRequest(JSON.stringify({ id: 'x'.repeat(129), method: 'ping', params: [] }))).toEqual(invalid(null))
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => 'refused' in readRequest(text)))
  })

  it('may have fields that are not known here', () => {
    expect(readRequest('{"id":"1","method":"ping","params":[],"jsonrpc":"2.0"}')).toMatchObject({ method: 'ping' })
  })
})

describe('a connect', () => {
  const read = (...params: unknown[]) => (request('connect', ...params) as { params: Params<'connect'> }).params
  const nothing = { name: null, url: null, image: null }

  it('takes an empty text for the signer, the secret and the permissions', () => {
    expect(read('')).toEqual({ signer: null, secret: null, permissions: [], metadata: nothing })
    expect(read('', '')).toEqual(read(''))
    expect(read(key, '', '')).toEqual({ signer: key, secret: null, permissions: [], metadata: nothing })
    expect(read(key, 's', '', '{"name":"App"}').metadata.name).toBe('App')
  })

  it('is read whatever its metadata are: what cannot be shown is left out', () => {
    const cases: [string, object][] = [
      ...(
        ['', 'x', 'null', '[]', '7', '{"name":7}', '{"url":"javascript:alert(1)"}', '{"image":"data:,x"}'] as const
      ).map((text): [string, object] => [text, nothing]),
      ['{"name":"App","url":"x","more":1}', { ...nothing, name: 'App' }],
      [`{"name":"${'x'.repeat(257)}","url":"https://app.example/"}`, { ...nothing, url: 'https://app.example/' }],
    ]
    for (const [text, metadata] of cases) expect(read(key, 's', '', text).metadata, text).toEqual(metadata)
    fc.assert(fc.property(fc.json(), (text) => read(key, 's', '', text).secret === 's'))
  })
})

describe('an event to sign', () => {
  const sign = (event: object) => request('sign_event', JSON.stringify(event))

  it('may name its author, and bring an id that nobody takes', () => {
    const read = { id: 'a1', method: 'sign_event', params: { event: template, author: key } }
    expect(sign({ ...template, pubkey: key })).toEqual(read)
    expect(sign({ ...template, pubkey: key, id: '00', sig: '' })).toEqual(read)
    expect(sign({ ...template, pubkey: '' })).toMatchObject({ params: { author: null } })
  })

  it('is refused when it is none', () => {
    const wrong = [{ ...template, kind: -1 }, { ...template, kind: 65_536 }, { ...template, pubkey: 'me' }, { kind: 1 }]
    for (const event of [...wrong, { ...template, tags: [[1]] }, { ...template, content: '\ud800' }])
      expect(sign(event)).toEqual(badParams)
    for (const text of ['', '{', 'null', '[]']) expect(request('sign_event', text), text).toEqual(badParams)
  })
})

describe('a response', () => {
  const asked = <M extends Method>(method: M) => ({ id: 'a1', method })

  it('has a text for each result', () => {
    const event = { ...template, id: 'aa', pubkey: key, sig: 'bb' } as never
    expect(answer(asked('connect'), null)).toEqual({ id: 'a1', result: 'ack' })
    expect(answer(asked('sign_event'), event)).toEqual({ id: 'a1', result: JSON.stringify(event) })
    expect(answer(asked('ping'), null)).toEqual({ id: 'a1', result: 'pong' })
    expect(answer(asked('get_public_key'), key)).toEqual({ id: 'a1', result: key })
    expect(answer(asked('nip44_decrypt'), 'gm')).toEqual({ id: 'a1', result: 'gm' })
    expect(answer(asked('logout'), null)).toEqual({ id: 'a1', result: 'ack' })
  })

  it('to switch_relays is always a text: "null", or the JSON of a list', () => {
    expect(answer(asked('switch_relays'), null)).toEqual({ id: 'a1', result: 'null' })
    const relays = ['wss://one.example', 'wss://two.example']
    expect(answer(asked('switch_relays'), relays)).toEqual({ id: 'a1', result: JSON.stringify(relays) })
  })

  it('of a refusal has an error and no result, and says no more than the code', () => {
    const response = refuse('a1', 'nostr.not_permitted')
    expect(JSON.parse(formatResponse(response))).toEqual({ id: 'a1', error: refusals['nostr.not_permitted'].title })
  })

  it('sends a user to a page, and greets a client with the secret of its URI', () => {
    expect(sendToPage('a1', 'https://x.example/1')).toEqual({
      id: 'a1',
      result: 'auth_url',
      error: 'https://x.example/1',
    })
    expect(greet('a1', 's3cret')).toEqual({ id: 'a1', result: 's3cret' })
  })

  it('that is too long for one message becomes an error, so that its client hears something', () => {
    const fitting = longestMessage - JSON.stringify({ id: 'a1', result: '' }).length
    expect(JSON.parse(formatResponse({ id: 'a1', result: 'x'.repeat(fitting) }))).toHaveProperty('result')
    const error = refusals['nostr.result_too_large'].title
    expect(JSON.parse(formatResponse({ id: 'a1', result: 'x'.repeat(fitting + 1) }))).toEqual({ id: 'a1', error })
    expect(JSON.parse(formatResponse({ id: 'a1', result: '☀'.repeat(fitting / 2) }))).toEqual({ id: 'a1', error })
  })
})

it('names every method of the specification, and no other', () => {
  const specified = ['connect', 'sign_event', 'ping', 'get_public_key', 'nip44_encrypt', 'nip44_decrypt']
  const rest = ['nip04_encrypt', 'nip04_decrypt', 'switch_relays', 'logout']
  expect(Object.keys(methods)).toEqual([...specified, ...rest])
})
