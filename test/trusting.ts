// Makes this process trust a certificate of a test's own, as an operator's machines trust the authority of their site.
import { getCACertificates, setDefaultCACertificates } from 'node:tls';

export function trust({ pem }: { readonly pem: string }): void {
  setDefaultCACertificates([...getCACertificates('default'), pem]);
}
