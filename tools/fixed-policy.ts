// A model that answers and learns nothing: an engine and its proxy on a node, for evaluations and searches.
// Ctrl-C ends all of it in order; what the work has put on disk by then stays there.
import {
  type EngineActor,
  engineConfigOf,
  type InferenceProxy,
  InferenceProxyActor,
  type RunConfig,
} from "../actors/index.ts";
import { type Handle, Node, Program, pythonActor } from "../runtime/index.ts";
import { exitCodes, Failure } from "./failure.ts";

export interface FixedPolicy {
  /** Of the node. */
  name: string;
  modelFolder: string;
  config: RunConfig;
  /** How to go on after Ctrl-C, or that nothing is left. */
  afterInterrupt: string;
}

/**
 * Brings the model to life with whoever asks it, does the work, ends both.
 * @throws Failure `interrupted`
 */
export async function withFixedPolicy<A, T>(
  { name, modelFolder, config, afterInterrupt }: FixedPolicy,
  add: (program: Program, inference: Handle<InferenceProxy>) => A,
  work: (actor: A) => Promise<T>,
): Promise<T> {
  const deadlineMs = config.engine.generateDeadlineS * 1000;
  await using node = await Node.start({ name });
  const program = new Program();
  const Engine = pythonActor<EngineActor>("iterant.sampling.engine:Engine");
  const engine = program.add(Engine, [engineConfigOf({ config, modelFolder })], { name: "engine-1" });
  const inference = program.add(
    InferenceProxyActor,
    [{ generateDeadlineMs: deadlineMs, weightsDeadlineMs: deadlineMs }, [engine]],
    { name: "inference-proxy" },
  );
  const actor = add(program, inference);
  using interrupt = interruption(afterInterrupt);
  const live = await Promise.race([program.launch(node), interrupt.asked]);
  try {
    await Promise.race([inference.with({ deadlineMs: null }).pin(0), interrupt.asked]);
    return await Promise.race([work(actor), live.failed, interrupt.asked]);
  } finally {
    await live.stop();
  }
}

/** Rejects once somebody wants it to end; the second time it ends at once, and every child with it. */
function interruption(afterInterrupt: string): Disposable & { asked: Promise<never> } {
  let reject: (reason: Failure) => void;
  const asked = new Promise<never>((_, no) => {
    reject = no;
  });
  asked.catch(() => {}); // nobody may be waiting yet
  let isAsked = false;
  const ask = () => {
    if (isAsked) process.exit(exitCodes.interrupted);
    isAsked = true;
    reject(new Failure(exitCodes.interrupted, `interrupted; ${afterInterrupt}`));
  };
  const signals: NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) process.on(signal, ask);
  const forget = () => {
    for (const signal of signals) process.removeListener(signal, ask);
  };
  return { asked, [Symbol.dispose]: forget };
}
