export default {
  needed: "Du brauchst einen Link",
  unknown: "Dieser Link führt ins Leere",
  expired: "Dieser Link ist abgelaufen",
  revoked: "Dieser Link wurde geschlossen",
  showsOnly: "Dieser Link ist nur zum Ansehen",
  locked: "Wie lautet das Passwort?",
  away: "Gleich wieder da",
  offline: "Keine Verbindung",
  password: "Passwort",
  show: "Zeigen",
  hide: "Verbergen",
  enter: "Weiter",
  checking: "Wird geprüft …",
  enterIn: "Noch einmal in {time}",
  enterNow: "Du kannst es jetzt wieder versuchen.",
  tryAgain: "Noch einmal versuchen",
  language: "Sprache",
  errors: {
    link_needed: "Öffne den Link oder scanne den Code, den du von deinen Gastgebern hast.",
    link_unknown:
      "Vielleicht ist unterwegs ein Stück verloren gegangen. Öffne ihn noch einmal aus der Nachricht oder über den Code, oder bitte deine Gastgeber um einen neuen.",
    link_expired:
      "Seine Zeit ist um. Was angekommen ist, ist sicher. Du hast noch mehr? Deine Gastgeber können dir einen neuen Link geben.",
    link_revoked:
      "Deine Gastgeber haben ihn geschlossen. Was angekommen ist, ist sicher. Du hast noch mehr? Sie können dir einen neuen Link geben.",
    link_no_upload:
      "Deine Gastgeber haben das Hochladen nicht erlaubt. Bitte sie, es für diesen Link einzuschalten.",
    password_required: "Es kam mit dem Link; sonst frag deine Gastgeber.",
    password_wrong:
      "Das ist es nicht. Achte auf Groß- und Kleinschreibung und versuche es noch einmal.",
    rate_limited: "Das waren zu viele Versuche. Bitte warte einen Moment.",
    cookies:
      "Das stimmt, aber dein Browser merkt es sich nicht. Bitte erlaube Cookies und versuche es noch einmal.",
    offline: "Bitte prüfe deine Verbindung. Die Seite versucht es von selbst weiter.",
    internal:
      "Der Server deiner Gastgeber ist gerade nicht erreichbar. Die Seite versucht es von selbst weiter.",
  },
};
