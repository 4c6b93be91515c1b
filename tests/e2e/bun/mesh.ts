// The mesh under test: where its services listen, how they are called, and who calls.

import { type Client, createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import type { DescService } from "@bufbuild/protobuf";
import { $ } from "bun";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";

const CRM = `${import.meta.dir}/../../../scripts/crm`;
const PORTS = { clients: 50052, documents: 50057, notifications: 50061 };

/** Where `service` listens, as host:port. */
export function address(service: keyof typeof PORTS): string {
  return process.env[`${service.toUpperCase()}_GRPC_ADDR`] ?? `localhost:${PORTS[service]}`;
}

/** A client of `contract`; it sends `authorization`, if any, with each call. */
export function client<S extends DescService>(contract: S, authorization?: string): Client<S> {
  const [service] = contract.typeName.split(".") as [keyof typeof PORTS];
  const authorize: Interceptor = (next) => (request) => {
    if (authorization !== undefined) request.header.set("authorization", authorization);
    return next(request);
  };
  const baseUrl = `http://${address(service)}`;
  return createClient(contract, createGrpcTransport({ baseUrl, interceptors: [authorize] }));
}

/** A bearer token of `crm token` with `options`. */
export async function token(...options: string[]): Promise<string> {
  return (await $`${CRM} token ${options}`.text()).trim();
}

/** An organisation that nobody else uses, so that a test sees nothing but what it has made. */
export function newOrganisation(): string {
  return `org-${crypto.randomUUID()}`;
}

/** The header of somebody of `organisation`. */
export async function bearerOf(organisation: string): Promise<string> {
  return bearerWith({ organisation_id: organisation });
}

const ada = token("--user", "ada"); // asked once: a start of the command costs more than a call

/** The header of somebody with these `claims` beside the usual ones, signed with the secret of the mesh. */
export async function bearerWith(claims: object, secret = secretOfTheMesh()): Promise<string> {
  const [header, payload] = (await ada).split(".") as [string, string, string];
  const usual = JSON.parse(Buffer.from(payload, "base64url").toString());
  const signed = `${header}.${Buffer.from(JSON.stringify({ ...usual, ...claims })).toString("base64url")}`;
  return `Bearer ${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

function secretOfTheMesh(): string {
  const state = `${process.env.CRM_HOME}/state.json`; // of the mesh that runs here
  return process.env.JWT_SECRET ?? JSON.parse(readFileSync(state, "utf8")).jwt_secret;
}
