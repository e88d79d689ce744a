// The words of the door: what stands in place of the page while a guest cannot come in.
export default {
  needed: "You need a link",
  unknown: "This link leads nowhere",
  expired: "This link has ended",
  revoked: "This link was closed",
  showsOnly: "This link is only for looking",
  locked: "What is the password?",
  away: "Back in a moment",
  offline: "No connection",
  password: "Password",
  show: "Show",
  hide: "Hide",
  enter: "Continue",
  checking: "Checking…",
  enterIn: "Try again in {time}",
  enterNow: "You can try again now.",
  tryAgain: "Try again",
  language: "Language",
  errors: {
    link_needed: "Please open the link or scan the code your host gave you.",
    link_unknown:
      "Perhaps a piece of it got lost on the way. Open it once more from the message or the code you were given, or ask your host for a new one.",
    link_expired:
      "Its time is over. What has arrived is safe. Do you have more to share? Your host can give you a new link.",
    link_revoked:
      "Your host has closed it. What has arrived is safe. Do you have more to share? Your host can give you a new link.",
    link_no_upload:
      "Your host has not allowed it to take photos. Please ask them to switch uploads on.",
    password_required: "It came with the link; if not, ask your host.",
    password_wrong: "That is not it. Mind capital letters, and try again.",
    rate_limited: "Too many tries. Please wait a moment.",
    cookies:
      "That was right, but your browser does not keep it. Please allow cookies and try again.",
    offline: "Please check your connection. This page keeps trying by itself.",
    internal: "Your host’s server cannot be reached right now. This page keeps trying by itself.",
  },
};
