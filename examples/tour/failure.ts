/** The tour cannot go on. The message is a sentence for whoever runs it: what was expected and what came. */
export class TourFailure extends Error {
  override readonly name = 'TourFailure';
}
