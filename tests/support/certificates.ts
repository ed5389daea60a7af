// TLS certificates for test servers, made on the fly by the openssl program: none is kept in the repo.
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc"];

export interface Certificates {
  readonly certificateKeyFile: string;
  readonly caFile: string;
  /** An authority that signed nothing here: a client that trusts only this one must refuse. */
  readonly strangerCaFile: string;
}

/** Makes an authority and a server certificate for 127.0.0.1 in `folder`. */
export async function makeCertificates(folder: string): Promise<Certificates> {
  const caFile = await makeAuthority(folder, "ca");
  const strangerCaFile = await makeAuthority(folder, "stranger");
  const [key, certificate] = [join(folder, "server.key"), join(folder, "server.crt")];
  await run("openssl", [
    ...["req", "-x509", ...KEY, "-keyout", key, "-out", certificate, "-days", "2"],
    ...["-CA", caFile, "-CAkey", join(folder, "ca.key"), "-subj", "/O=mongokeep tests/CN=server"],
    ...["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"],
    ...["-addext", "basicConstraints=critical,CA:FALSE"],
  ]);
  const certificateKeyFile = join(folder, "server.pem");
  const pem = (await readFile(key, "utf8")) + (await readFile(certificate, "utf8"));
  await writeFile(certificateKeyFile, pem, { mode: 0o600 });
  return { certificateKeyFile, caFile, strangerCaFile };
}

async function makeAuthority(folder: string, name: string): Promise<string> {
  const file = join(folder, `${name}.crt`);
  await run("openssl", [
    ...["req", "-x509", ...KEY, "-keyout", join(folder, `${name}.key`), "-out", file],
    ...["-days", "2", "-subj", `/O=mongokeep tests/CN=${name}`],
  ]);
  return file;
}
