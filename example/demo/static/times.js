"use strict";

// Show the times on the page in the reader's own zone and language.
for (const time of document.querySelectorAll("time[datetime]")) {
  const date = new Date(time.dateTime);
  time.title = time.dateTime;
  time.textContent = date.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}
