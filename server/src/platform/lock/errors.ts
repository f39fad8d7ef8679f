/** The data folder cannot be used; the message tells the operator why and what to do. */
export class DataFolderError extends Error {
  override readonly name = 'DataFolderError';
}
