// Other people's programs that one part of Iterant or another uses. Each is run, not only looked for.
import { type Answer, ask, askFirst, complaintOf } from "./ask.ts";
import { broken, type Finding, missing, ok } from "./finding.ts";

/** The C++ compiler, ssh, a browser, what a sandbox is made of. */
export function examinePrograms(): Promise<Finding[]> {
  return Promise.all([compiler(), bubblewrap(), userNamespaces(), ssh(), sshd(), browser()]);
}

/** The first line that a program says of itself. */
function firstLine({ stdout, stderr }: Answer): string {
  return (stdout.trim() || stderr.trim()).split("\n")[0]!;
}

async function compiler(): Promise<Finding> {
  const name = "C++ compiler";
  const cure = "apt install g++; only DeepSpeed's own optimisers are compiled";
  const { CXX } = process.env;
  const found = await askFirst([...(CXX ? [CXX] : []), "c++", "g++", "clang++"], ["--version"]);
  if (!found) return missing(name, "optional", "no c++, g++ or clang++ on PATH", cure);
  return found.answer.code === 0
    ? ok(name, "optional", firstLine(found.answer))
    : broken(name, "optional", `${found.file}: ${complaintOf(found.answer)}`, cure);
}

/** A sandbox is only as good as what the kernel grants: it is opened, not only asked for its version. */
async function bubblewrap(): Promise<Finding> {
  const name = "bwrap";
  const cure = "apt install bubblewrap; only worlds that run untrusted code need it";
  const version = await ask("bwrap", ["--version"]);
  if (version.code === undefined && !version.isLate) return missing(name, "optional", "not on PATH", cure);
  const opened = await ask("bwrap", ["--ro-bind", "/", "/", "--unshare-all", "--die-with-parent", "true"]);
  if (opened.code === 0) return ok(name, "optional", firstLine(version));
  const why = "let this user make namespaces: see the line below; only worlds that run untrusted code need it";
  return broken(name, "optional", complaintOf(opened), why);
}

async function userNamespaces(): Promise<Finding> {
  const name = "user namespaces";
  const cure =
    "sysctl kernel.unprivileged_userns_clone=1, on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0; only sandboxes need it";
  const answer = await ask("unshare", ["--user", "true"]);
  if (answer.code === 0) return ok(name, "optional", "can be made");
  if (answer.code === undefined && !answer.isLate) {
    return missing(
      name,
      "optional",
      "no unshare to try them with",
      "Linux: apt install util-linux; only sandboxes need it",
    );
  }
  return broken(name, "optional", complaintOf(answer), cure);
}

async function ssh(): Promise<Finding> {
  const answer = await ask("ssh", ["-V"]);
  const cure = "apt install openssh-client; only iterant launch over ssh needs it";
  if (answer.code === undefined && !answer.isLate) return missing("ssh", "optional", "not on PATH", cure);
  return answer.code === 0
    ? ok("ssh", "optional", firstLine(answer))
    : broken("ssh", "optional", complaintOf(answer), cure);
}

/** Older ones know no option for it, and say their version all the same. */
async function sshd(): Promise<Finding> {
  const found = await askFirst(["sshd", "/usr/sbin/sshd", "/usr/local/sbin/sshd"], ["-V"]);
  const cure = "apt install openssh-server; only a host that others launch on needs it";
  if (!found) return missing("sshd", "optional", "not on PATH or in /usr/sbin", cure);
  const { stdout, stderr } = found.answer;
  const version = `${stdout}${stderr}`.match(/OpenSSH_[^,\n]+/)?.[0];
  return version === undefined
    ? broken("sshd", "optional", complaintOf(found.answer), cure)
    : ok("sshd", "optional", version);
}

async function browser(): Promise<Finding> {
  const cure = "apt install chromium; only the tests of pages need it, any browser shows them";
  const found = await askFirst(["chromium", "chromium-browser", "google-chrome"], ["--version"]);
  if (!found) return missing("chromium", "optional", "not on PATH", cure);
  return found.answer.code === 0
    ? ok("chromium", "optional", firstLine(found.answer))
    : broken("chromium", "optional", complaintOf(found.answer), cure);
}
