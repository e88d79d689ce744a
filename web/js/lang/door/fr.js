export default {
  needed: "Il vous faut un lien",
  unknown: "Ce lien ne mène nulle part",
  expired: "Ce lien a expiré",
  revoked: "Ce lien a été fermé",
  showsOnly: "Ce lien sert seulement à regarder",
  locked: "Quel est le mot de passe ?",
  away: "De retour dans un instant",
  offline: "Pas de connexion",
  password: "Mot de passe",
  show: "Afficher",
  hide: "Masquer",
  enter: "Continuer",
  checking: "Vérification…",
  enterIn: "Réessayer dans {time}",
  enterNow: "Vous pouvez réessayer maintenant.",
  tryAgain: "Réessayer",
  language: "Langue",
  errors: {
    link_needed: "Ouvrez le lien ou scannez le code que vos hôtes vous ont donné.",
    link_unknown:
      "Il en manque peut-être un morceau. Ouvrez-le à nouveau depuis le message ou le code reçu, ou demandez-en un nouveau à vos hôtes.",
    link_expired:
      "Son temps est écoulé. Ce qui est arrivé est en sécurité. Vous avez encore des photos ? Vos hôtes peuvent vous donner un nouveau lien.",
    link_revoked:
      "Vos hôtes l’ont fermé. Ce qui est arrivé est en sécurité. Vous avez encore des photos ? Ils peuvent vous donner un nouveau lien.",
    link_no_upload:
      "Vos hôtes n’ont pas autorisé l’envoi de photos. Demandez-leur de l’activer pour ce lien.",
    password_required: "Il accompagnait le lien ; sinon, demandez-le à vos hôtes.",
    password_wrong: "Ce n’est pas le bon. Attention aux majuscules, puis réessayez.",
    rate_limited: "Trop d’essais. Patientez un instant.",
    cookies:
      "C’est le bon, mais votre navigateur ne le retient pas. Autorisez les cookies et réessayez.",
    offline: "Vérifiez votre connexion. La page réessaie toute seule.",
    internal:
      "Le serveur de vos hôtes est injoignable pour l’instant. La page réessaie toute seule.",
  },
};
