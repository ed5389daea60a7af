// How late retention may believe it is. The clock of the machine is not enough: one that jumps ahead by
// 40 days makes every backup look 40 days older. So only days that backups vouch for count as time.

/**
 * Days to take off the clock's day: the gaps of two days and more between the newest good backups (and
 * between the newest and today). A gap is an outage, or a clock that jumped; nobody can tell, and in
 * both cases too few newer backups exist to let the older ones go.
 *
 * `goodDays` are local day numbers of good automatic backups, newest first, none twice or after `today`.
 * It looks only at backups that the daily tier keeps anyway, so that deleting what retention allows
 * never changes the answer: running cleanup again deletes nothing more.
 */
export function unvouchedDays(
  goodDays: readonly number[],
  today: number,
  dailyDays: number,
): number {
  const window = Math.max(2, dailyDays);
  let later = today;
  let counted = 0;
  let unvouched = 0;
  for (const day of goodDays.slice(0, window)) {
    const gap = later - day;
    if (gap > 1) unvouched += gap;
    else counted += gap;
    if (counted >= window - 1) break;
    later = day;
  }
  return unvouched;
}
