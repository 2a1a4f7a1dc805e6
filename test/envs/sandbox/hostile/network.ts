// Programs that want to talk to somebody. `landlock` has no network of its own: there it may make no socket at all.
import type { Expectation, HostileProgram } from "./program.ts";

const noSocket: Expectation = { status: "ok", says: /^(EAFNOSUPPORT\n)+$/ };
const noFamily = noSocket;

export const network: readonly HostileProgram[] = [
  {
    name: "connects to the internet",
    code: `attempt(lambda: socket.create_connection(("192.0.2.1", 443), 5))`,
    full: { status: "ok", says: /^ENETUNREACH\n$/ },
    landlock: noSocket,
  },
  {
    name: "connects to a service on this machine's loopback",
    code: ({ tcpPort }) => `attempt(lambda: socket.create_connection(("127.0.0.1", ${tcpPort}), 5))`,
    full: { status: "ok", says: /^ECONNREFUSED\n$/ },
    landlock: noSocket,
  },
  {
    name: "sends a datagram to this machine's loopback",
    code: ({ udpPort }) => `
def send():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.sendto(b"x", ("127.0.0.1", ${udpPort}))
attempt(send)`,
    full: { status: "ok", says: /^(done|ECONNREFUSED)\n$/ },
    landlock: noSocket,
  },
  {
    name: "asks for a name",
    code: `attempt(lambda: socket.getaddrinfo("example.org", 80))`,
    full: { status: "ok", says: /^gaierror\n$/ },
  },
  { name: "opens a netlink socket", code: "attempt(lambda: socket.socket(16, socket.SOCK_RAW, 0))", full: noFamily },
  {
    name: "opens a vsock to the hypervisor",
    code: "attempt(lambda: socket.socket(40, socket.SOCK_STREAM))",
    full: noFamily,
  },
  {
    name: "opens packet, bluetooth and crypto sockets",
    code: `
for family in (17, 31, 38, 44):
    attempt(lambda: socket.socket(family, socket.SOCK_RAW, 0))`,
    full: noFamily,
  },
  {
    name: "hides the family in the upper half of the argument",
    code: "attempt(lambda: syscall(41, 198, (1 << 32) | 16, 3, 0))",
    full: noFamily,
  },
  {
    name: "opens a raw socket",
    code: "attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))",
    full: { status: "ok", says: /^EPERM\n$/ },
    landlock: noSocket,
  },
  {
    name: "connects to an abstract unix socket of this machine",
    code: ({ abstractName }) => `
def connect():
    with socket.socket(socket.AF_UNIX) as one:
        one.connect("\\0" + ${JSON.stringify(abstractName)})
attempt(connect)`,
    full: { status: "ok", says: /^(ECONNREFUSED|EPERM)\n$/ },
    landlock: noSocket,
  },
  {
    name: "connects to a unix socket that is a file of this machine",
    code: ({ socketFile }) => `
def connect():
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(${JSON.stringify(socketFile)})
attempt(connect)`,
    full: { status: "ok", says: /^ENOENT\n$/ },
    landlock: noSocket,
  },
  {
    name: "leaves a listener behind for the next tenant",
    code: `
def listen():
    one = socket.create_server(("0.0.0.0", 45678))
    if os.fork() == 0:
        os.setsid()
        signal.pause()
attempt(listen)`,
    full: { status: "ok", says: /^(done|EACCES)\n$/ },
    landlock: noSocket,
  },
];
