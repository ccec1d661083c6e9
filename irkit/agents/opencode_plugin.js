// irkit plugin for OpenCode, written by `irkit init`; `irkit uninstall` takes it away.
// SPDX-License-Identifier: Apache-2.0
//
// OpenCode has no command hooks: this runs inside the agent. It does what gate/hook.py does for other agents: looks
// for the latch, asks the guard over gate/hook.sock and waits two seconds by its own clock, and without a guard spools
// the event and answers what `irkit init` baked in. Rules: nothing may throw while this is loaded (OpenCode would drop
// the plugin without a word), and only tool.execute.before throws at all: that is how a call is refused. It decides
// nothing itself.
import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import { createConnection } from "node:net"

const GATE = "@GATE@"
const WAIT_MS = 2000
const RECORD_MS = 200
const SENT_MAX = 16 * 1024 * 1024
const SOCKET_PATH_MAX = 100
const REFUSABLE = ["tool.execute.before", "permission.ask"]
const NOBODY = {
  latched: "irkit has latched this session: no tool call of it runs. See `irkit status`.",
  late: "irkit's guard did not answer in 2 s, so this call is refused. Try again, or see `irkit status`.",
  down: "irkit's guard does not run, so this call is refused. A person can start it: `irkit guard`.",
}

// One event in, { exit, reason } out. Never throws.
async function answered(event, payload) {
  const nonce = randomBytes(8).toString("hex") // the same in the spool: the guard counts a late event once
  const data = encoded(payload)
  const latched = latchCovers(payload.input?.sessionID)
  const answer = await asked(event, nonce, data, latched ? RECORD_MS : WAIT_MS)
  if (answer.kind !== "answer") spool(event, nonce, data)
  if (latched) return baked(event, "latched")
  return answer.kind === "answer" ? answer : baked(event, answer.kind)
}

function encoded(payload) {
  try {
    const data = Buffer.from(JSON.stringify(payload))
    if (data.length <= SENT_MAX || payload.output?.args) return data // an oversize call is the guard's to refuse
    return Buffer.from(JSON.stringify({ ...payload, output: { response_bytes: data.length } }))
  } catch {
    return Buffer.from("{}") // recorded as malformed
  }
}

function exists(name) {
  try {
    fs.lstatSync(`${GATE}/${name}`)
    return true
  } catch (error) {
    return error?.code !== "ENOENT"
  }
}

function latchCovers(session) {
  if (exists("KILL")) return true
  if (!exists("latch")) return false
  if (typeof session !== "string" || !session) return true
  try {
    const all = fs.readFileSync(`${GATE}/latch`, "utf8").split("\n")
    const lines = all.filter((line) => line === "*" || /^\S+ \S/.test(line))
    return !lines.length || lines.includes("*") || lines.includes(`opencode ${session}`)
  } catch (error) {
    return error?.code !== "ENOENT"
  }
}

// The guard's answer, or { kind: "late" } when it is there but slow, { kind: "down" } when it is not there.
function asked(event, nonce, data, wait) {
  return new Promise((resolve) => {
    let socket, folder
    let answer = Buffer.alloc(0)
    const end = (result) => {
      clearTimeout(timer)
      socket?.destroy()
      if (folder !== undefined) fs.closeSync(folder)
      folder = undefined
      resolve(result)
    }
    const timer = setTimeout(() => end({ kind: "late" }), wait)
    try {
      if (!listenerIsOurs()) return end({ kind: "down" })
      let path = `${GATE}/hook.sock`
      if (Buffer.byteLength(path) > SOCKET_PATH_MAX && process.platform === "linux") {
        folder = fs.openSync(GATE, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY)
        path = `/proc/self/fd/${folder}/hook.sock`
      }
      socket = createConnection(path)
      socket.on("error", () => end({ kind: "down" }))
      socket.on("close", () => end({ kind: "down" }))
      socket.on("data", (part) => {
        answer = Buffer.concat([answer, part])
        const result = read(answer)
        if (result) end(result)
      })
      socket.write(`irkit-hook/1 opencode ${event} ${nonce} ${data.length}\n`)
      socket.write(data)
    } catch {
      end({ kind: "down" })
    }
  })
}

// Who made the socket: the owner of the gate, or root.
function listenerIsOurs() {
  const socket = fs.lstatSync(`${GATE}/hook.sock`)
  return socket.isSocket() && (socket.uid === 0 || socket.uid === fs.statSync(GATE).uid)
}

// `EXIT STDOUT_LEN STDERR_LEN\n` and the bytes; null while some are missing.
function read(answer) {
  const newline = answer.indexOf(10)
  if (newline < 0) return answer.length > 64 ? { kind: "down" } : null
  const head = answer.subarray(0, newline).toString().match(/^(\d{1,3}) (\d{1,8}) (\d{1,8})$/)
  if (!head) return { kind: "down" }
  const [exit, out, err] = head.slice(1).map(Number)
  const rest = answer.subarray(newline + 1)
  if (rest.length < out + err) return null
  return { kind: "answer", exit, reason: rest.subarray(out, out + err).toString().trim() }
}

// Lines `AGENT EVENT KIND MODE EXIT STDOUT STDERR`, the last two in base64. Without one: refuse what can be refused.
function baked(event, kind) {
  try {
    for (const line of fs.readFileSync(`${GATE}/answers`, "utf8").split("\n")) {
      const part = line.trim().split(/\s+/)
      if (part.length !== 7 || part[0] !== "opencode" || part[1] !== event || part[2] !== kind || part[3] !== "*") continue
      const reason = part[6] === "-" ? "" : Buffer.from(part[6], "base64").toString().trim()
      if (/^\d{1,3}$/.test(part[4])) return { exit: Number(part[4]), reason }
    }
  } catch {}
  return { exit: REFUSABLE.includes(event) ? 2 : 0, reason: NOBODY[kind] }
}

// Left for the next guard: written under a name that is not read, then renamed.
let spooledAt = 0n

function spool(event, nonce, data) {
  try {
    const now = BigInt(Date.now()) * 1000000n
    spooledAt = now > spooledAt ? now : spooledAt + 1n // within one millisecond, too, in the order of the calls
    const time = spooledAt.toString().padStart(20, "0")
    const name = `${time}-${process.pid}-${nonce}`
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = fs.constants
    const file = fs.openSync(`${GATE}/spool/.t-${name}`, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
    try {
      const body = data.subarray(0, SENT_MAX)
      const head = `irkit-spool/1 opencode ${event} ${nonce} ${process.pid} ${body.length}\n`
      fs.writeFileSync(file, Buffer.concat([Buffer.from(head), body]))
    } finally {
      fs.closeSync(file)
    }
    fs.renameSync(`${GATE}/spool/.t-${name}`, `${GATE}/spool/${name}`)
  } catch {}
}

function promptOf(output) {
  const parts = Array.isArray(output?.parts) ? output.parts : []
  return parts.filter((part) => part?.type === "text" && typeof part.text === "string").map((part) => part.text).join("\n")
}

export const Irkit = async (ctx) => {
  const cwd = typeof ctx?.directory === "string" ? ctx.directory : undefined
  return {
    "tool.execute.before": async (input, output) => {
      const answer = await answered("tool.execute.before", { input, output: { args: output?.args }, cwd })
      if (answer.exit) throw new Error(answer.reason || "irkit refused this.")
    },
    "tool.execute.after": async (input, output) => {
      await answered("tool.execute.after", { input, output, cwd })
    },
    "permission.ask": async (input, output) => {
      const answer = await answered("permission.ask", { input, output: {}, cwd })
      if (answer.exit && output) output.status = "deny"
    },
    "chat.message": async (input, output) => {
      await answered("chat.message", { input: { sessionID: input?.sessionID }, output: { prompt: promptOf(output) }, cwd })
    },
    event: async ({ event } = {}) => {
      if (event?.type !== "session.created" && event?.type !== "session.deleted") return
      const info = event.properties?.info ?? {}
      await answered(event.type, { input: { sessionID: info.id, parentID: info.parentID }, output: {}, cwd: info.directory ?? cwd })
    },
  }
}
