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
import { Interruption } from "./interruption.ts";

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
  using interruption = new Interruption();
  const isAsked = asked(interruption, afterInterrupt);
  const live = await Promise.race([program.launch(node), isAsked]);
  try {
    await Promise.race([inference.with({ deadlineMs: null }).pin(0), isAsked]);
    return await Promise.race([work(actor), live.failed, isAsked]);
  } finally {
    await live.stop();
  }
}

function asked({ signal }: Interruption, afterInterrupt: string): Promise<never> {
  const promise = new Promise<never>((_, reject) => {
    const failure = () => reject(new Failure(exitCodes.interrupted, `interrupted; ${afterInterrupt}`));
    signal.addEventListener("abort", failure, { once: true });
  });
  promise.catch(() => {}); // nobody may be waiting yet
  return promise;
}
