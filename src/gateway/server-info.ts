/** What the server says about itself to people. */
export interface ServerInfo {
  readonly name: string;
  readonly version: string;
}
