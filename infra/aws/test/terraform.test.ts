import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { defaultTimeouts } from '@quorate/gateway/http/server'
import { beforeAll, describe, expect, it } from 'vitest'
import { inner, readTerraform, renderTemplate, resourcesOf, type Block, type Resource } from './support/terraform.ts'

let files: Awaited<ReturnType<typeof readTerraform>>
let resources: Resource[]
beforeAll(async () => {
  files = await readTerraform()
  resources = resourcesOf(files)
})

const every = (type: string): Resource[] => {
  const found = resources.filter((resource) => resource.type === type)
  expect(found, `${type} is there`).not.toEqual([])
  return found
}
const one = (type: string, name: string): Block => {
  const found = every(type).filter((resource) => resource.name === name)
  expect(found.length).toBe(1)
  return found[0]!.body
}
const localsOf = (file: string): Block => (files.get(file)?.['locals'] as Block[])[0]!
const textOf = (value: unknown): string => JSON.stringify(value).replaceAll('\\"', '"')

describe('the load balancer', () => {
  it('gives up an idle connection before the gateway does, so that it sends nothing on a closed one', () => {
    const { idle_timeout: seconds } = one('aws_lb', 'api')
    expect(Number(seconds)).toBeGreaterThanOrEqual(60)
    expect(defaultTimeouts.idle).toBeGreaterThan(Number(seconds) * 1_000)
  })
})

describe('instances', () => {
  it('give credentials for a token of version 2 only, over one hop', () => {
    for (const { body } of [...every('aws_launch_template'), ...every('aws_instance')])
      expect(inner(body, 'metadata_options')).toMatchObject({ http_tokens: 'required', http_put_response_hop_limit: 1 })
  })

  it('host enclaves where they must, and nowhere else', () => {
    expect(inner(one('aws_launch_template', 'host'), 'enclave_options')).toEqual({ enabled: true })
    expect(one('aws_instance', 'gateway')).not.toHaveProperty('enclave_options')
  })

  it('give an enclave its name by a tag that the metadata service shows', () => {
    const host = one('aws_launch_template', 'host')
    expect(inner(host, 'metadata_options')).toMatchObject({ instance_metadata_tags: 'enabled' })
    const tags = (host['tag_specifications'] as Block[]).find((block) => block['resource_type'] === 'instance')
    expect(tags).toMatchObject({ tags: { 'quorate-enclave': '${each.key}' } })
  })

  it('have encrypted disks, no key pair and no public address', () => {
    const host = one('aws_launch_template', 'host')
    expect(inner(inner(host, 'block_device_mappings'), 'ebs')).toMatchObject({ encrypted: true })
    const gateway = one('aws_instance', 'gateway')
    expect(inner(gateway, 'root_block_device')).toMatchObject({ encrypted: true })
    expect(one('aws_ebs_volume', 'store')).toMatchObject({ encrypted: true, kms_key_id: '${var.storage_key_arn}' })
    for (const body of [host, gateway]) expect(body).not.toHaveProperty('key_name')
    expect(gateway['associate_public_ip_address']).toBe(false)
  })

  it('are one for each enclave, and never all replaced at once', () => {
    expect(one('aws_autoscaling_group', 'host')).toMatchObject({ min_size: 1, max_size: 1 })
    expect(one('aws_autoscaling_group', 'host')).not.toHaveProperty('instance_refresh')
  })
})

describe('the ways in', () => {
  it('open no port but 443 to addresses, and no SSH to anybody', () => {
    for (const { body, file, name } of every('aws_vpc_security_group_ingress_rule')) {
      const ssh = [body['from_port'], body['to_port']].includes(22)
      expect(ssh, `${file}: ${name}`).toBe(false)
      if ('cidr_ipv4' in body) expect(body['from_port'], `${file}: ${name}`).toBe(443)
      expect(body['ip_protocol']).toBe('tcp')
    }
  })

  it('lead to enclaves from the gateway alone', () => {
    expect(one('aws_vpc_security_group_ingress_rule', 'relay')['referenced_security_group_id']).toBe(
      '${aws_security_group.door.id}',
    )
    const door = resources.find(({ file, name }) => file.startsWith('modules/enclaves') && name === 'gateway')
    expect(door?.body['referenced_security_group_id']).toBe('${var.gateway_security_group_id}')
  })

  it('lead out of the VPC nowhere: no NAT, and no rule to all addresses', () => {
    expect(resources.filter(({ type }) => /nat_gateway|eip/.test(type))).toEqual([])
    for (const { body } of every('aws_vpc_security_group_egress_rule')) expect(body).not.toHaveProperty('cidr_ipv4')
    expect(one('aws_route_table', 'private')).not.toHaveProperty('route')
  })

  it('speak TLS 1.2 or newer', () => {
    const https = resources.filter(({ type, name }) => type === 'aws_lb_listener' && name === 'https')
    expect(https.map(({ body }) => [body['protocol'], body['port']])).toEqual([['HTTPS', 443]])
    expect(https[0]?.body['ssl_policy']).toMatch(/TLS13-1-2/)
  })
})

describe('the sealing key', () => {
  it('has the generated policy, the lockout check on, and is not destroyed', () => {
    const key = one('aws_kms_key', 'sealing')
    expect(key).toMatchObject({ policy: '${file(var.policy_file)}', bypass_policy_lockout_safety_check: false })
    expect(inner(key, 'lifecycle')).toEqual({ prevent_destroy: true })
  })

  it('is made in a stack of its own, whose modules the fleet does not use', () => {
    const sources = (stack: string) =>
      Object.values((files.get(`${stack}/main.tf`)?.['module'] ?? {}) as Record<string, Block[]>).map(
        ([module]) => module?.['source'],
      )
    expect(sources('key')).toEqual(['../modules/sealing-key'])
    expect(sources('fleet')).not.toContain('../modules/sealing-key')
    const others = resources.filter(({ file }) => !file.startsWith('modules/sealing-key/'))
    expect(others.filter(({ type }) => type === 'aws_kms_key_policy' || type === 'aws_kms_grant')).toEqual([])
  })

  it('is the only key that the KMS endpoint carries, for enclave hosts alone', () => {
    expect(localsOf('modules/network/endpoints.tf')['kms_endpoint_policy']).toMatchObject({
      Statement: [
        {
          Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
          Resource: '${var.sealing_key_arn}',
          Condition: { ArnEquals: { 'aws:PrincipalArn': '${var.enclave_role_arn}' } },
        },
        {
          Action: 'kms:GenerateRandom',
          Condition: { ArnEquals: { 'aws:PrincipalArn': '${var.enclave_role_arn}' } },
        },
      ],
    })
    expect(one('aws_vpc_endpoint', 'interface')['policy']).toContain('"kms" ? local.kms_endpoint_policy')
  })

  it('cannot be administered by an instance: its roles are denied it, and allowed nothing of it', () => {
    const denied = localsOf('roles/main.tf')['no_key_administration'] as Block
    expect(denied).toMatchObject({ Effect: 'Deny', Resource: '*' })
    expect(denied['Action']).toEqual(
      expect.arrayContaining(['kms:PutKeyPolicy', 'kms:CreateGrant', 'kms:ScheduleKeyDeletion']),
    )
    for (const { name, body } of every('aws_iam_role_policy').filter(({ file }) => file === 'roles/main.tf')) {
      expect(body['policy'], name).toContain('local.no_key_administration')
      expect(body['policy'], name).not.toContain('kms:')
    }
  })

  it('gives randomness to enclaves that attest themselves, which its own policy cannot, and to nobody else', () => {
    expect(localsOf('roles/main.tf')['attested_randomness']).toMatchObject({
      ...{ Effect: 'Allow', Action: 'kms:GenerateRandom' },
      Condition: { Null: { 'kms:RecipientAttestation:ImageSha384': 'false' } },
    })
    const given = every('aws_iam_role_policy').filter(({ body }) => String(body['policy']).includes('randomness'))
    expect(given.map(({ name }) => name)).toEqual(['enclave'])
  })

  it('is watched: a change of policy, a deletion, a grant, a denied use and the trail itself raise alarms', () => {
    const watched = textOf(files.get('modules/sealing-key/alarms.tf')?.['locals'])
    for (const name of [
      'PutKeyPolicy',
      'ScheduleKeyDeletion',
      'DisableKey',
      'CreateGrant',
      'AccessDenied',
      'StopLogging',
    ])
      expect(watched, name).toContain(name)
    expect(one('aws_cloudwatch_metric_alarm', 'key')).toMatchObject({
      for_each: '${local.watched}',
      threshold: 1,
      alarm_actions: ['${var.alarm_topic_arn}'],
    })
  })
})

describe('the alarms', () => {
  /** Lines that the gateway logs, or codes that it names: a pattern for what nobody says would stay silent. */
  const gateway = resolve(import.meta.dirname, '../../../gateway/src')
  const said = ['events.ts', 'hosts/enclaves/enclave-events.ts', 'store/store-events.ts', 'gateway.ts']
    .map((path) => readFileSync(join(gateway, path), 'utf8'))
    .join('\n')

  it('listen for lines that the gateway writes and codes that there are', async () => {
    const { refusals } = await import('@quorate/shared/errors')
    const patterns = textOf(files.get('modules/watch/main.tf')?.['locals']).replaceAll('\\', '')
    const lines = [...patterns.matchAll(/\$\.event = "([^"]+)"/g)].map(([, line]) => line!)
    const codes = [...patterns.matchAll(/\$\.code = "([^"]+)"/g)].map(([, code]) => code!)
    expect(lines.length).toBeGreaterThan(3)
    expect(codes.length).toBeGreaterThan(3)
    for (const line of lines) expect(said, line).toContain(`'${line}'`)
    for (const code of codes) expect(Object.keys(refusals)).toContain(code)
  })

  /** By their names, as people see them; those of each enclave with a gap. */
  const alarmNames = (): string[] => {
    const ofEach = (file: string, local: string) => Object.keys((localsOf(file)[local] as object | undefined) ?? {})
    const lists: Record<string, string[]> = {
      'local.said': ofEach('modules/watch/main.tf', 'said'),
      'local.watched': ofEach('modules/sealing-key/alarms.tf', 'watched'),
      'toset(var.enclave_ids)': ['enclave-…'],
    }
    return every('aws_cloudwatch_metric_alarm').flatMap(({ body }) => {
      const forEach = /\$\{(.+)\}/.exec(textOf(body['for_each'] ?? ''))?.[1]
      const names = forEach === undefined ? [''] : lists[forEach]
      expect(names, forEach).toBeDefined()
      return names!.map((name) => String(body['alarm_name']).replace('${each.key}', name))
    })
  }
  const docs = resolve(import.meta.dirname, '../../../docs')
  const namedIn = (text: string) => [...text.matchAll(/`(quorate-[\w…-]+)`/gu)].map(([, name]) => name!)

  it('each have one runbook that begins with their name, and runbooks begin with no other', () => {
    const alarms = alarmNames()
    expect(alarms.length).toBeGreaterThan(12)
    const begins = readdirSync(join(docs, 'runbooks')).flatMap((file) => {
      const when = /\n## When\n([^]*?)\n## /.exec(readFileSync(join(docs, 'runbooks', file), 'utf8'))?.[1] ?? ''
      return namedIn(when)
    })
    expect(begins.filter((name) => !alarms.includes(name))).toEqual([])
    expect(alarms.filter((name) => !begins.includes(name))).toEqual([])
  })

  it('stand in the table of the page for operators, beside a runbook that begins with their name', () => {
    const rows = readFileSync(join(docs, 'operating.md'), 'utf8').matchAll(
      /^\| (`quorate-.+) \| \[.+\]\((.+\.md)\) \|$/gmu,
    )
    const listed = [...rows].flatMap(([, names = '', file = '']) => {
      const when = /\n## When\n([^]*?)\n## /.exec(readFileSync(join(docs, file), 'utf8'))?.[1] ?? ''
      for (const name of namedIn(names)) expect(namedIn(when), file).toContain(name)
      return namedIn(names)
    })
    expect(listed.sort()).toEqual(alarmNames().sort())
  })

  it('take a heartbeat that is missing for one that says no', () => {
    expect(one('aws_cloudwatch_metric_alarm', 'heartbeat')).toMatchObject({
      namespace: 'Quorate',
      metric_name: 'EnclaveRunning',
      treat_missing_data: 'breaching',
    })
  })
})

describe('every stack', () => {
  it('pins Terraform and the provider', () => {
    for (const stack of ['roles', 'key', 'fleet']) {
      const terraform = (files.get(`${stack}/versions.tf`)?.['terraform'] as Block[])[0]!
      expect(terraform['required_version']).toMatch(/^>= \d/)
      const provider = inner(terraform, 'required_providers')['aws'] as Block
      expect(provider['version']).toMatch(/^\d+\.\d+\.\d+$/)
    }
  })

  it('names only variables, locals, resources and modules that are there', () => {
    for (const folder of new Set([...files.keys()].map((path) => dirname(path)))) {
      const own = [...files].filter(([path]) => dirname(path) === folder).map(([, parsed]) => parsed)
      const names = (kind: string) => own.flatMap((parsed) => Object.keys(parsed[kind] ?? {}))
      const locals = own.flatMap(({ locals = [] }) => (locals as Block[]).flatMap((block) => Object.keys(block)))
      const text = textOf(own)
      const used = (pattern: RegExp) => [...text.matchAll(pattern)].map(([, name]) => name!)
      expect(names('variable'), folder).toEqual(expect.arrayContaining(used(/\bvar\.(\w+)/g)))
      expect(used(/\bvar\.(\w+)/g), `${folder}: none is declared in vain`).toEqual(
        expect.arrayContaining(names('variable')),
      )
      expect(locals, folder).toEqual(expect.arrayContaining(used(/\blocal\.(\w+)/g)))
      expect(names('module'), folder).toEqual(expect.arrayContaining(used(/\bmodule\.(\w+)/g)))
      const made = resources.filter(({ file }) => dirname(file) === folder).map(({ type, name }) => `${type}.${name}`)
      const named = [...text.matchAll(/(?<!data\.)\b(aws_\w+)\.(\w+)(?=[.[])/g)].map(
        ([, type, name]) => `${type}.${name}`,
      )
      expect(made, folder).toEqual(expect.arrayContaining(named))
    }
  })

  it('gives its modules exactly what they ask for, and asks them for what they give', () => {
    for (const stack of ['key', 'fleet']) {
      const modules = files.get(`${stack}/main.tf`)?.['module'] as Record<string, [Block]>
      for (const [name, [{ source, ...given }]] of Object.entries(modules)) {
        const folder = String(source).replace('../', '')
        expect(Object.keys(given).sort(), name).toEqual(
          Object.keys(files.get(`${folder}/variables.tf`)?.['variable'] as object).sort(),
        )
        const outputs = Object.keys(files.get(`${folder}/outputs.tf`)?.['output'] ?? {})
        const asked = [...files]
          .filter(([path]) => dirname(path) === stack)
          .map(([, parsed]) => textOf(parsed))
          .join()
        const wanted = [...asked.matchAll(new RegExp(`module\\.${name}\\.(\\w+)`, 'g'))].map(([, output]) => output)
        expect(outputs, name).toEqual(expect.arrayContaining(wanted))
      }
    }
  })
})

describe('user data', () => {
  const templates = ['modules/enclaves', 'modules/gateway']

  it.each(templates)('is valid shell when %s has filled it in, and gets every value that it asks for', (module) => {
    const text = readFileSync(resolve(import.meta.dirname, '../terraform', module, 'user-data.sh.tftpl'), 'utf8')
    const asked = [...new Set([...text.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name!))]
    const data = textOf(resources.find(({ file, body }) => file === `${module}/main.tf` && 'user_data' in body)?.body)
    const [, call = ''] = /user-data\.sh\.tftpl\\?", \{(.*?)\}\)/s.exec(data) ?? []
    const given = [...call.replaceAll('\\n', ' ').matchAll(/(\w+)\s+=/g)].map(([, name]) => name!)
    expect(given.sort()).toEqual(asked.sort())
    const rendered = renderTemplate(
      `${module}/user-data.sh.tftpl`,
      Object.fromEntries(asked.map((name) => [name, 'x'])),
    )
    execFileSync('sh', ['-n'], { input: rendered })
  })
})
