// The bus under test, as nats.js sees it.

import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import { connect, type Msg } from "@nats-io/transport-node";

const NATS = process.env.NATS_URL ?? "nats://localhost:4222";

/** An event, and the message that brought it. */
export type Received<S extends DescMessage> = { event: MessageShape<S>; message: Msg };

/** The events on one subject since `listening` was called. */
export class Events<S extends DescMessage> implements AsyncDisposable {
  private constructor(
    private readonly schema: S,
    private readonly received: AsyncIterable<Msg>,
    private readonly close: () => Promise<void>,
  ) {}

  /** Receive the messages of `subject`, each of which is a `schema`. */
  static async listening<S extends DescMessage>(subject: string, schema: S): Promise<Events<S>> {
    const connection = await connect({ servers: NATS });
    const subscription = connection.subscribe(subject);
    await connection.flush();
    return new Events(schema, subscription, () => connection.close());
  }

  /** The first `count` of them that are `wanted`. Waits until they have come. */
  async first(count: number, wanted: (event: MessageShape<S>) => boolean): Promise<Received<S>[]> {
    const found: Received<S>[] = [];
    for await (const message of this.received) {
      const event = fromBinary(this.schema, message.data);
      if (wanted(event)) found.push({ event, message });
      if (found.length === count) break;
    }
    return found;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
