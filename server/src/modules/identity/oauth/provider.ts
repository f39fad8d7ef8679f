/** Another service that people may sign in with. */
export interface Provider {
  /** Where the browser goes to agree. */
  authorizeUrl(request: AuthorizeRequest): Promise<string>;
  /** Who agreed; throws `oauth.provider_failed` where that is not certain. */
  identify(request: IdentifyRequest): Promise<Identified>;
}

export interface AuthorizeRequest {
  readonly state: string;
  readonly nonce: string;
  readonly codeVerifier: string;
  readonly redirectUri: string;
}

export interface IdentifyRequest extends Omit<AuthorizeRequest, 'state'> {
  readonly code: string;
  readonly signal: AbortSignal;
}

export interface Identified {
  /** What the provider calls the person, for ever; another provider may use the same for somebody else. */
  readonly subject: string;
  /** Normalised, and only if the provider has proven it. */
  readonly email: string | undefined;
  readonly name: string | undefined;
}
