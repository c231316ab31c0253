// Read a Parquet file with one reader and print the values of some columns: run by scripts/readers.py.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const [reader, path, ...names] = process.argv.slice(2)
const require = createRequire(import.meta.url)
const version = (name) => JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version

function spelled (value) {
  if (value === null || value === undefined) return 'null'
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return Number.isNaN(value) ? 'nan' : value === Infinity ? 'inf' : String(value)
  if (typeof value === 'string') return JSON.stringify(value)
  if (value instanceof Date) return value.toISOString().replace(/\.000Z$|Z$/, '').replace(/T00:00:00$/, '')
  if (value instanceof Uint8Array) return '0x' + Buffer.from(value).toString('hex')
  const plain = typeof value.toJSON === 'function' ? value.toJSON() : value
  if (Array.isArray(plain) || ArrayBuffer.isView(plain)) return '[' + Array.from(value, spelled).join(', ') + ']'
  return '{' + Object.entries(plain).map(([key, one]) => `${key}: ${spelled(one)}`).join(', ') + '}'
}

async function hyparquet (column) {
  const { parquetReadObjects } = await import('hyparquet')
  const { compressors } = await import('hyparquet-compressors')
  const bytes = readFileSync(path)
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
  return (await parquetReadObjects({ file, columns: [column], compressors, utf8: false })).map((row) => row[column])
}

async function parquetWasm (column) {
  const wasm = require('parquet-wasm')
  const { tableFromIPC } = require('apache-arrow')
  const table = tableFromIPC(wasm.readParquet(new Uint8Array(readFileSync(path)), { columns: [column] }).intoIPCStream())
  const vector = table.getChild(column)
  return Array.from({ length: table.numRows }, (_, row) => vector.get(row))
}

const columns = {}
for (const name of names) {
  try {
    columns[name] = (await (reader === 'hyparquet' ? hyparquet : parquetWasm)(`m__${name}`)).map(spelled)
  } catch (error) {
    columns[name] = `${error.name}: ${String(error.message).split('\n')[0]}`
  }
}
console.log(JSON.stringify({ version: version(reader), columns }))
